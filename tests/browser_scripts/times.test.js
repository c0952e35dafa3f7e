// Times that are offered for what happens later, and the check of a time that is typed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldValue, problemOf, timesToRemind, timesToSend } from "../../assets/browser/times.js";

const at = (/** @type {string} */ local) => new Date(local);
const shown = (/** @type {{ label: string, at: Date }[]} */ choices) => choices.map((one) => `${one.label} ${fieldValue(one.at)}`);

test("the times to send are soon, tomorrow morning and Monday morning", () => {
  assert.deepEqual(shown(timesToSend(at("2026-12-02T22:10"))), [
    "In 1 hour 2026-12-02T23:10",
    "Tomorrow 2026-12-03T09:00",
    "Monday 2026-12-07T09:00",
  ]);
  // On a Monday it is the next one.
  assert.equal(shown(timesToSend(at("2026-12-07T08:00")))[2], "Monday 2026-12-14T09:00");
});

test("Monday is not offered twice on a Sunday", () => {
  assert.deepEqual(shown(timesToSend(at("2026-12-06T12:00"))).slice(1), ["Tomorrow 2026-12-07T09:00"]);
});

test("the times of a reminder are soon and tomorrow morning, over the end of a year", () => {
  assert.deepEqual(shown(timesToRemind(at("2026-12-31T23:50"))), [
    "In 20 minutes 2027-01-01T00:10",
    "In 1 hour 2027-01-01T00:50",
    "Tomorrow 2027-01-01T09:00",
  ]);
});

test("a time that is missing, over or far away is refused in words", () => {
  const now = at("2026-12-02T22:10");
  assert.equal(problemOf(at("2026-12-02T22:11"), now), "");
  assert.equal(problemOf(at("2027-12-01T22:10"), now), "");
  assert.match(problemOf(new Date(""), now), /Choose a day/);
  assert.match(problemOf(now, now), /over/);
  // The server allows 365 days by its own clock.
  assert.match(problemOf(at("2027-12-02T22:00"), now), /more than a year/);
});
