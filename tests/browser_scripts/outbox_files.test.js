// Messages of the outbox that wait for their files.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import * as browser from "./browser.js";
import { emptied, openTab, page, until, waiting } from "./browser.js";

/** @type {browser.Server} */
let server;

beforeEach(() => {
  server = browser.newBrowser();
});

const picture = () => ({ id: `picture-${Math.random()}`, name: "a.png", type: "image/png", size: 5, width: 4, height: 3, blob: new Blob(["bytes"]) });

test("a message waits for its files, and words do not wait for it", async () => {
  const alice = (await openTab()).outboxOf(server.alice);
  const file = picture();
  await alice.add("c", "A picture", "", undefined, [file]);
  await alice.add("c", "Words");
  await until(() => server.texts.length === 1, "the words are sent");
  assert.deepEqual([server.texts, waiting(alice)], [["Words"], ["A picture"]]);

  const [{ client_id: id }] = alice.of("c");
  await alice.changeFile(id, file.id, { file_id: "f1" });

  await emptied(alice);
  assert.deepEqual(server.messages.map(({ content, file_ids: ids }) => [content, ids]), [["Words", undefined], ["A picture", ["f1"]]]);
});

test("a file is there after a reload, and its bytes go with its message", async () => {
  const file = picture();
  await (await openTab()).outboxOf(server.alice).add("c", "", "", undefined, [file]);

  const reloaded = (await openTab()).outboxOf(server.alice);
  await until(() => reloaded.of("c").length === 1, "it is there");
  const next = await reloaded.nextUpload();
  assert.deepEqual([next?.file.id, next?.file.width], [file.id, 4]);
  assert.equal(await storedFiles(), 1);

  reloaded.remove(reloaded.of("c")[0].client_id);
  await until(async () => (await storedFiles()) === 0, "its bytes are gone");
});

test("words are sent without a file that was refused, once it is removed", async () => {
  const alice = (await openTab()).outboxOf(server.alice);
  const file = picture();
  await alice.add("c", "A picture", "", undefined, [file]);
  const [{ client_id: id }] = alice.of("c");
  await alice.changeFile(id, file.id, { reason: "Too large." });
  assert.equal(await alice.nextUpload(), undefined);
  assert.deepEqual(server.texts, []);

  await alice.changeFile(id, file.id);

  await emptied(alice);
  assert.deepEqual(server.texts, ["A picture"]);
});

test("files that the server has no more are uploaded again, once", async () => {
  const alice = (await openTab()).outboxOf(server.alice);
  const file = picture();
  server.instead = () =>
    new Response(JSON.stringify({ code: "invalid", errors: [{ field: "file_ids.0", message: "No such file." }] }), {
      status: 422,
      headers: { "content-type": "application/problem+json" },
    });
  await alice.add("c", "A picture", "", undefined, [file]);
  const [{ client_id: id }] = alice.of("c");

  await alice.changeFile(id, file.id, { file_id: "f1" });
  await until(() => alice.of("c")[0]?.files?.[0].again === true, "it is uploaded again");
  assert.equal((await alice.nextUpload())?.file.id, file.id);
  await alice.changeFile(id, file.id, { file_id: "f2" });

  await until(() => alice.of("c")[0]?.reason !== "", "then the message is refused");
});

test("the words are kept where there is no room for the files, and leaving the page is asked about", async () => {
  browser.fillFileStorage();
  const alice = (await openTab()).outboxOf(server.alice);
  await alice.add("c", "A picture", "", undefined, [picture()]);
  const leaving = new Event("beforeunload", { cancelable: true });
  page.target.dispatchEvent(leaving);
  assert.equal(leaving.defaultPrevented, true);
  assert.equal(alice.isVolatile, false);

  const reloaded = (await openTab()).outboxOf(server.alice);
  await until(() => reloaded.of("c").length === 1, "the words are there");
  assert.deepEqual([waiting(reloaded), reloaded.of("c")[0].files?.[0].unkept], [["A picture"], true]);
  assert.equal(await reloaded.nextUpload(), undefined);
});

/** Return how many files the browser stores. */
function storedFiles() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("chat-unsent");
    opening.onerror = () => reject(new Error("It does not open."));
    opening.onsuccess = () => {
      const counting = opening.result.transaction("files").objectStore("files").count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}
