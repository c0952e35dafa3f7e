import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ask } from "../../assets/browser/ask.js";
import { call, request, setPageUser } from "../../assets/browser/request.js";
import * as browser from "./browser.js";
import { problem, unreachable } from "./browser.js";

/** @type {{ path: string, options: RequestInit }[]} */
let calls = [];
/** @type {() => Response | Promise<Response>} */
let answer = () => new Response(null, { status: 204 });

beforeEach(() => {
  browser.newBrowser();
  setPageUser("");
  calls = [];
  browser.replace({
    chatServer: "",
    fetch: async (/** @type {string} */ path, /** @type {RequestInit} */ options) => {
      calls.push({ path, options });
      return answer();
    },
  });
});

const userOf = (/** @type {number} */ at) => new Headers(calls[at].options.headers).get("x-chat-user");

test("a request names the page's user, or the one that it is for", async () => {
  await request("/api/one");
  setPageUser("alice");
  await request("/api/two", { headers: { "content-type": "text/plain" } });
  await call("POST", "/api/three", { user: "bob" });

  assert.deepEqual([userOf(0), userOf(1), userOf(2)], [null, "alice", "bob"]);
  assert.equal(new Headers(calls[1].options.headers).get("content-type"), "text/plain");
});

test("a request goes to the server that the pages name, with the cookie", async () => {
  browser.replace({ chatServer: "https://api.example.org" });

  await request("/api/one");

  assert.equal(calls[0].path, "https://api.example.org/api/one");
  assert.equal(calls[0].options.credentials, "include");
});

test("a refusal because of another account reaches the page, whatever the request was", async () => {
  let told = 0;
  addEventListener("chat:other-account", () => told++);
  answer = () => problem(409, "other_account");
  await request("/api/one");
  assert.equal(told, 1);

  answer = () => problem(409, "username_taken");
  await request("/api/one");
  answer = () => Response.json({ code: "other_account" }, { status: 409 });
  await request("/api/one");

  assert.equal(told, 1);
});

test("a call without an answer of its own is done by 204 alone", async () => {
  const away = "The chat cannot be reached right now. Please try again.";
  for (const [one, expected] of /** @type {[() => Response | Promise<Response>, string][]} */ ([
    [() => new Response(null, { status: 204 }), ""],
    [() => new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } }), away],
    [() => Response.json({}), away],
    [() => new Response(null, { status: 302, headers: { location: "/" } }), away],
    [() => new Response("Forbidden", { status: 403 }), away],
    [() => Response.json({ detail: "Of another program." }, { status: 403 }), away],
    [() => problem(403, "not_yours"), "It is not_yours."],
    [unreachable, away],
  ])) {
    answer = one;
    assert.equal(await ask("DELETE", "/api/messages/1"), expected);
  }
});

test("a call with an answer is done by that answer alone", async () => {
  const isEdited = (/** @type {Record<string, unknown>} */ body) => body.id === "1";
  const edit = () => ask("PATCH", "/api/messages/1", { content: "New" }, isEdited);
  answer = () => Response.json({ id: "1" });
  assert.equal(await edit(), "");

  for (const other of [() => Response.json({ id: "2" }), () => Response.json(null), () => new Response(null, { status: 204 })]) {
    answer = other;
    assert.notEqual(await edit(), "");
  }
});
