import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import * as browser from "./browser.js";
import { emptied, openTab, page, problem, unreachable, until, waiting } from "./browser.js";

/** @type {browser.Server} */
let server;
const LOCKS = navigator.locks;

beforeEach(() => {
  server = browser.newBrowser();
  Object.defineProperty(navigator, "locks", { value: LOCKS, configurable: true });
});

const removeLocks = () => Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
const numbered = (/** @type {string} */ name, count = 20) => Array.from({ length: count }, (_, at) => `${name} ${at}`);

test("messages are sent in the order in which they were written", async () => {
  const alice = (await openTab()).outboxOf(server.alice);
  const texts = numbered("Message");

  for (const text of texts) void alice.add("c", text);

  await until(() => server.messages.length === texts.length, "all are stored");
  await emptied(alice);
  assert.deepEqual(server.texts, texts);
  assert.deepEqual(server.posts, texts);
});

for (const locks of ["with", "without"]) {
  test(`two tabs ${locks} locks send in the order of writing, each message once`, async () => {
    if (locks === "without") removeLocks();
    server.instead = unreachable;
    const [one, other] = [(await openTab()).outboxOf(server.alice), (await openTab()).outboxOf(server.alice)];
    const texts = numbered("Message", 30);
    for (const [at, text] of texts.entries()) await (at % 2 ? one : other).add("c", text);

    server.instead = undefined;
    browser.comeOnline();

    await emptied(one);
    await emptied(other);
    assert.deepEqual(server.texts, texts);
  });
}

test("nothing is lost when one tab sends while the other writes", async () => {
  const [one, other] = [(await openTab()).outboxOf(server.alice), (await openTab()).outboxOf(server.alice)];

  await Promise.all([
    ...numbered("One", 40).map((text) => one.add("c", text)),
    ...numbered("Other", 36).map((text) => other.add("c", text)),
  ]);

  await emptied(one);
  await emptied(other);
  assert.deepEqual([...server.texts].sort(), [...numbered("One", 40), ...numbered("Other", 36)].sort());
  assert.deepEqual(server.texts.filter((text) => text.startsWith("One")), numbered("One", 40));
});

test("a tab shows what waits in another tab, and no more of it once it is sent", async () => {
  server.instead = unreachable;
  const [one, other] = [(await openTab()).outboxOf(server.alice), (await openTab()).outboxOf(server.alice)];
  /** @type {string[]} */
  const sent = [];
  other.subscribe((id) => id && sent.push(id));
  await one.add("c", "Hello");
  await until(() => waiting(other).length === 1, "the other tab shows it");
  const [{ client_id: id }] = other.of("c");

  server.instead = undefined;
  browser.comeOnline();

  await emptied(other);
  await until(() => sent.includes(id), "the other tab knows that it was sent");
});

test("a reply waits with its quote, is sent as one, and gives it back", async () => {
  const reply = { id: "m1", seq: 1, sender_id: "bob", name: "Bob", tone: "tone-1", excerpt: "Bread?", deleted: false };
  server.instead = unreachable;
  const one = (await openTab()).outboxOf(server.alice);
  await one.add("c", "I do", "", reply);
  await one.add("c", "And you?");
  const other = (await openTab()).outboxOf(server.alice);
  await until(() => other.of("c").length === 2, "the other tab has both");
  const [first, second] = other.of("c");
  assert.deepEqual([first.reply, second.reply], [reply, undefined]);
  assert.deepEqual(other.find(first.client_id)?.reply, reply);

  server.instead = undefined;
  browser.comeOnline();

  await emptied(one);
  assert.deepEqual(
    server.messages.map(({ content, reply_to: to }) => [content, to]),
    [["I do", "m1"], ["And you?", undefined]],
  );
});

test("a message that another tab takes back is not shown as sent", async () => {
  server.instead = unreachable;
  const [one, other] = [(await openTab()).outboxOf(server.alice), (await openTab()).outboxOf(server.alice)];
  /** @type {string[]} */
  const removed = [];
  other.subscribe((_, id) => id && removed.push(id));
  await one.add("c", "Hello");
  const [{ client_id: id }] = one.of("c");

  assert.equal(one.remove(id), "Hello");

  await until(() => removed.includes(id), "the other tab knows that it was taken back");
  assert.deepEqual(waiting(one), []);
  assert.deepEqual(waiting(other), []);
});

test("tabs follow one another by local storage where there is no BroadcastChannel", async () => {
  const { BroadcastChannel } = globalThis;
  browser.replace({ BroadcastChannel: undefined });
  server.instead = unreachable;
  const [one, other] = [(await openTab()).outboxOf(server.alice), (await openTab()).outboxOf(server.alice)];
  await one.add("c", "Hello");

  const event = Object.assign(new Event("storage"), { key: "chat.unsent", newValue: localStorage.getItem("chat.unsent") });
  page.target.dispatchEvent(event);

  await until(() => waiting(other).length === 1, "the other tab shows it");
  browser.replace({ BroadcastChannel });
});

test("a clock that jumps back changes no order", async () => {
  server.instead = unreachable;
  const alice = (await openTab()).outboxOf(server.alice);
  const RealDate = Date;
  let hours = 10;
  const ClockThatRunsBack = class extends RealDate {
    constructor() {
      super(RealDate.UTC(2026, 10, 29, hours--));
    }
  };
  browser.replace({ Date: ClockThatRunsBack });
  for (const text of numbered("Message", 5)) await alice.add("c", text);
  browser.replace({ Date: RealDate });
  const again = (await openTab()).outboxOf(server.alice);
  await until(() => waiting(again).length === 5, "the messages are read");
  assert.deepEqual(waiting(again), numbered("Message", 5));

  server.instead = undefined;
  browser.comeOnline();

  await emptied(alice);
  assert.deepEqual(server.texts, numbered("Message", 5));
});

test("a message whose answer was lost before a reload is stored once", async () => {
  const before = (await openTab()).outboxOf(server.alice);
  server.instead = (sent) => {
    server.answer(sent);
    return unreachable();
  };
  await before.add("c", "Once");
  await until(() => server.messages.length === 1, "the message is stored");

  server.instead = undefined;
  const after = (await openTab()).outboxOf(server.alice);
  browser.comeOnline();

  await emptied(after);
  await emptied(before);
  assert.deepEqual(server.texts, ["Once"]);
});

describe("answers that are not the chat's", () => {
  const html = { headers: { "content-type": "text/html" } };
  /** @type {Record<string, browser.Answer>} */
  const answers = {
    "200 with a page": () => new Response("<h1>Welcome to our WLAN</h1>", html),
    "200 with other JSON": () => Response.json({ status: "ok" }),
    "201 with another message": (sent) => Response.json({ ...sent, client_id: "another" }, { status: 201 }),
    "200 with JSON that is no object": () => Response.json([1]),
    "204 without a body": () => new Response(null, { status: 204 }),
    "302 to a sign-in page": () => new Response(null, { status: 302, headers: { location: "https://portal.example/" } }),
    "401 of a proxy": () => new Response("Authenticate", { status: 401 }),
    "403 with a page": () => new Response("<h1>Forbidden</h1>", { status: 403, ...html }),
    "404 with JSON": () => Response.json({ code: "not_found" }, { status: 404 }),
    "407 of a proxy": () => new Response("", { status: 407 }),
    "500 with a page": () => new Response("<h1>Oh no</h1>", { status: 500, ...html }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(`${name} leaves a message waiting until the chat answers`, async () => {
      server.instead = answer;
      const alice = (await openTab()).outboxOf(server.alice);
      await alice.add("c", "Hello");
      await until(() => server.posts.length > 0, "the message was posted");
      await alice.flush();
      assert.deepEqual(alice.of("c").map((entry) => [entry.content, entry.reason]), [["Hello", ""]]);
      assert.deepEqual(page.addresses, []);

      server.instead = undefined;
      browser.comeOnline();

      await emptied(alice);
      assert.deepEqual(server.texts, ["Hello"]);
    });
  }
});

for (const [status, code] of /** @type {[number, string][]} */ ([[429, "rate_limited"], [503, "unavailable"]])) {
  test(`a message that is refused for a while (${status}) is sent later`, async () => {
    server.instead = () => problem(status, code);
    const alice = (await openTab()).outboxOf(server.alice);
    await alice.add("c", "Hello");
    await until(() => server.posts.length > 0, "the message was posted");
    await alice.flush();
    assert.equal(alice.of("c")[0].reason, "");

    server.instead = undefined;
    browser.comeOnline();

    await emptied(alice);
    assert.deepEqual(server.texts, ["Hello"]);
  });
}

test("a refused message keeps its reason over a reload, holds up no other, and can be sent again", async () => {
  server.instead = (sent) => (sent.content === "Bad" ? problem(403, "cannot_message") : server.answer(sent));
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "Bad");
  await alice.add("c", "Good");
  await until(() => server.messages.length === 1, "the other is stored");
  const again = (await openTab()).outboxOf(server.alice);
  await until(() => again.of("c").length === 1, "the refused one is read");
  const [{ reason, client_id: id }] = again.of("c");
  assert.equal(reason, "It is cannot_message.");

  server.instead = undefined;
  again.retry(id);

  await until(() => server.messages.length === 2, "it is stored, too");
  await emptied(again);
  assert.deepEqual(server.texts, ["Good", "Bad"]);
  assert.equal(server.messages[1].client_id, id);
});

test("a message is never sent in the name of another account, and sent when its writer is back", async () => {
  server.instead = unreachable;
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "From alice");
  server.user = server.bob;
  server.instead = undefined;
  let told = 0;
  addEventListener("chat:other-account", () => told++);

  browser.comeOnline();

  await until(() => told > 0, "the page knows that another is signed in");
  await alice.flush();
  assert.deepEqual(server.texts, []);
  assert.deepEqual(waiting(alice), ["From alice"]);
  const bob = (await openTab()).outboxOf(server.bob);
  await bob.add("c", "From bob");
  await emptied(bob);
  assert.deepEqual(server.messages.map((message) => [message.sender, message.content]), [[server.bob, "From bob"]]);

  server.user = server.alice;
  const again = (await openTab()).outboxOf(server.alice);

  await until(() => server.messages.length === 2, "the message is sent");
  await emptied(again);
  assert.deepEqual(server.messages[1].sender, server.alice);
});

test("a message stays when the session has ended, and the page leads to the sign-in", async () => {
  server.instead = () => problem(401, "not_authenticated");
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "Hello");
  await until(() => page.addresses.length > 0, "the page leads to the sign-in");

  assert.deepEqual(new Set(page.addresses), new Set(["/login?next=%2Fchat%2Fc"]));
  assert.deepEqual(waiting(alice), ["Hello"]);
});

test("a page on which somebody signs in is not loaded anew", async () => {
  server.instead = () => problem(401, "not_authenticated");
  location.pathname = "/login";
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "Hello");
  await until(() => server.posts.length > 0, "the message was posted");
  await alice.flush();

  assert.deepEqual(page.addresses, []);
  assert.deepEqual(waiting(alice), ["Hello"]);
});

test("a page that comes to the front posts at once, however long it would have waited", async () => {
  server.instead = () => problem(503, "unavailable", { "retry-after": "3600" });
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "Hello");
  await until(() => server.posts.length > 0, "the message was posted");
  await alice.flush();

  server.instead = undefined;
  page.document.dispatchEvent(new Event("visibilitychange"));

  await emptied(alice);
  assert.deepEqual(server.texts, ["Hello"]);
});

describe("a browser that stores nothing", () => {
  const isAsked = () => !page.target.dispatchEvent(new Event("beforeunload", { cancelable: true }));
  /** @type {[string, () => void][]} */
  const browsers = [
    ["full storage", browser.fillStorage],
    ["no database", browser.blockDatabase],
  ];
  for (const [name, breakIt] of browsers) {
    test(`${name}: messages wait in memory, in their order, and leaving the page is asked about`, async () => {
      breakIt();
      server.instead = unreachable;
      const alice = (await openTab()).outboxOf(server.alice);
      for (const text of numbered("Message", 3)) await alice.add("c", text);
      assert.deepEqual(waiting(alice), numbered("Message", 3));
      assert.equal(alice.isVolatile, true);
      assert.equal(isAsked(), true);

      server.instead = undefined;
      browser.comeOnline();

      await emptied(alice);
      assert.deepEqual(server.texts, numbered("Message", 3));
      assert.equal(isAsked(), false);
    });
  }

  test("messages in memory are stored as soon as there is room, before later ones", async () => {
    browser.fillStorage();
    server.instead = unreachable;
    const alice = (await openTab()).outboxOf(server.alice);
    await alice.add("c", "First");
    browser.mendStorage();
    await alice.add("c", "Second");
    assert.equal(alice.isVolatile, false);
    assert.equal(isAsked(), false);

    const again = (await openTab()).outboxOf(server.alice);

    await until(() => waiting(again).length === 2, "both are stored");
    assert.deepEqual(waiting(again), ["First", "Second"]);
  });

  test("a message that was sent and cannot be deleted is not posted by this tab again", async () => {
    const alice = (await openTab()).outboxOf(server.alice);
    server.instead = unreachable;
    await alice.add("c", "Hello");
    const failedDeletes = browser.lockStorage();
    server.instead = undefined;
    browser.comeOnline();
    await until(() => failedDeletes() > 0, "the message was sent and could not be deleted");
    await emptied(alice);
    const posts = server.posts.length;
    await alice.flush();
    browser.mendStorage();

    assert.equal(server.posts.length, posts);
    const again = (await openTab()).outboxOf(server.alice);
    await until(() => server.posts.length > posts, "the next page posts it again");
    await emptied(again);
    assert.deepEqual(server.texts, ["Hello"]);
  });
});

describe("messages that an earlier version kept in local storage", () => {
  const kept = numbered("Kept", 3).map((content, at) => ({
    client_id: `id-${at}`,
    conversation_id: "c",
    content,
    at: "2026-11-28T12:00:00.000Z",
    reason: at ? "" : "You cannot write to this person.",
  }));

  test("they are moved once, in their order, with their ids and reasons", async () => {
    server.instead = unreachable;
    localStorage.setItem(`chat.outbox.${server.alice}`, JSON.stringify([...kept, { content: "Garbage" }, null]));
    const [one, other] = await Promise.all([openTab(), openTab()]);
    const [alice, too] = [one.outboxOf(server.alice), other.outboxOf(server.alice)];
    await until(() => waiting(alice).length === 3 && waiting(too).length === 3, "they are moved");

    assert.equal(localStorage.getItem(`chat.outbox.${server.alice}`), null);
    assert.deepEqual(waiting(alice), numbered("Kept", 3));
    assert.equal(alice.of("c")[0].reason, "You cannot write to this person.");

    server.instead = undefined;
    browser.comeOnline();

    await until(() => server.messages.length === 2, "they are sent");
    assert.deepEqual(server.messages.map((message) => message.client_id), ["id-1", "id-2"]);
  });

  test("they stay there while the browser has no room for them", async () => {
    browser.fillStorage();
    localStorage.setItem(`chat.outbox.${server.alice}`, JSON.stringify(kept));
    const alice = (await openTab()).outboxOf(server.alice);
    await alice.flush();

    assert.equal(localStorage.getItem(`chat.outbox.${server.alice}`), JSON.stringify(kept));

    browser.mendStorage();
    const again = (await openTab()).outboxOf(server.alice);

    await until(() => waiting(again).length > 0 || server.messages.length === 2, "they are moved");
    assert.equal(localStorage.getItem(`chat.outbox.${server.alice}`), null);
  });

  test("what is no list of messages harms nothing", async () => {
    for (const garbage of ['{"a": 1}', "not json", "7", "[null, 1, []]"]) {
      localStorage.setItem(`chat.outbox.${server.alice}`, garbage);
      const alice = (await openTab()).outboxOf(server.alice);
      await alice.add("c", garbage);
      await emptied(alice);
    }
    assert.equal(server.messages.length, 4);
  });
});

test("an outbox shows only the messages of its user", async () => {
  server.instead = unreachable;
  const { outboxOf } = await openTab();
  await outboxOf(server.alice).add("c", "Hers");
  await outboxOf(server.bob).add("c", "His");

  assert.deepEqual(waiting(outboxOf(server.alice)), ["Hers"]);
  const again = (await openTab()).outboxOf(server.bob);
  await until(() => waiting(again).length === 1, "his message is read");
  assert.deepEqual(waiting(again), ["His"]);
});
