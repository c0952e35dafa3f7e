// The server's clock, whatever that of the device shows.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { noteServerTime, serverNow } from "../../assets/browser/server_clock.js";

const HOUR = 3_600_000;

test("the time is that of the server, also after the clock of the device was set", () => {
  const real = Date.now();
  const near = (/** @type {number} */ time) => Math.abs(serverNow().getTime() - time) < HOUR / 4;
  const device = mock.method(Date, "now", () => real + HOUR);
  assert.ok(near(real + HOUR), "nothing else is known before the link opens");
  noteServerTime(real);
  assert.ok(near(real));
  device.mock.mockImplementation(() => real - HOUR);
  assert.ok(near(real));
  noteServerTime(real + 2 * HOUR);
  assert.ok(near(real + 2 * HOUR));
});
