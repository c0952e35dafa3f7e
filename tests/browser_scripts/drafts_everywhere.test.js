// Drafts on every device: whatever two devices write, and in whatever order it arrives, no words are lost.

/** @typedef {typeof import("../../assets/browser/drafts_everywhere.js")} Module */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Store } from "../../assets/browser/store.js";
import * as browser from "./browser.js";

const { newBrowser, openTab, problem, until } = browser;

/** @type {Module} */
let everywhere;
beforeEach(async () => {
  newBrowser();
  /** @type {unknown} */
  const module = await import("../../assets/browser/drafts_everywhere.js");
  everywhere = /** @type {Module} */ (module);
});

const NONE = { text: "", reply_to: "" };
const words = (/** @type {string} */ text) => ({ text, reply_to: "" });

test("nothing is written over words that nobody here has seen, and none of one's own are replaced", () => {
  const texts = ["", "one", "two", "three"];
  for (const agreed of texts) {
    for (const mine of texts) {
      for (const theirs of texts) {
        for (const version of theirs ? [3, 4] : [0]) {
          const before = { ...words(agreed), version: agreed ? 3 : 0 };
          const step = everywhere.decide(before, words(mine), { ...words(theirs), version });
          const isSeen = theirs === agreed || theirs === "" || version === before.version;
          if (step === "write") assert.ok(isSeen, `${mine} over ${theirs}`);
          if (step === "take") assert.ok(mine === agreed || mine === "", `${theirs} over ${mine}`);
          if (step === "rest") assert.equal(mine, agreed);
          if (step === "agree") assert.equal(mine, theirs);
          if (step === "conflict") assert.ok(mine && theirs && mine !== theirs);
        }
      }
    }
  }
});

test("a reply without words is a draft, too", () => {
  const reply = { text: "", reply_to: "m1", version: 1 };
  assert.equal(everywhere.decide({ ...NONE, version: 0 }, NONE, reply), "take");
  assert.equal(everywhere.decide({ ...NONE, version: 0 }, words("Mine"), reply), "conflict");
  assert.equal(everywhere.decide(reply, NONE, reply), "write");
});

test("drafts that no page has sent are sent, each over the version that it began from", async () => {
  const { drafts } = await openTab();
  /** @type {Record<string, unknown>} */
  const sent = {};
  /** @type {Record<string, () => Response | Promise<Response>>} */
  const answers = { c: () => Response.json({ version: 5 }), d: () => problem(409, "draft_conflict") };
  browser.replace({
    fetch: (/** @type {string} */ path, /** @type {RequestInit} */ options) => {
      const [, , , conversation] = path.split("/");
      /** @type {unknown} */
      const body = JSON.parse(/** @type {string} */ (options.body));
      sent[conversation] = body;
      return Promise.resolve(answers[conversation]());
    },
  });
  /** @type {unknown} */
  const module = await import("../../assets/browser/drafts.js");
  const { keepDraft, keepShared, readShared } = /** @type {typeof drafts} */ (module);
  await keepDraft("alice", "c", "Offline", "");
  await keepShared("alice", "c", { ...words("Before"), version: 4 }, []);
  await keepDraft("alice", "d", "Also", "");
  await keepDraft("alice", "e", "Known", "");
  await keepShared("alice", "e", { ...words("Known"), version: 1 }, []);

  await everywhere.sendDrafts("alice");

  assert.deepEqual(sent, {
    c: { content: "Offline", reply_to: null, base: 4 },
    d: { content: "Also", reply_to: null, base: 0 },
  });
  assert.deepEqual((await readShared("alice", "c")).agreed, { ...words("Offline"), version: 5 });
  assert.equal((await readShared("alice", "d")).agreed.version, 0);
  await until(async () => (await drafts.readDraft("alice", "d")).text === "Also", "it stays here");
});

/**
 * The server with one draft of alice in the conversation "c", and the box of one of her devices.
 */
class Scene {
  version = 0;
  there = words("");
  box = words("");
  /** @type {string | undefined} */
  other;
  /** @type {(() => Promise<string>) | undefined} */
  undo;
  store = new Store();
  isOnline = true;

  constructor() {
    browser.replace({ fetch: this.fetch });
    this.tell();
    this.draft = new everywhere.DraftEverywhere(this.store, "alice", "c", {
      words: () => this.box,
      take: (taken) => {
        this.box = { text: taken.text, reply_to: taken.reply_to };
        return Promise.resolve();
      },
      showOther: (text) => (this.other = text),
      dropped: (undo) => (this.undo = undo),
    });
  }

  /** Tell the page what the server has, as the list of conversations does. */
  tell() {
    const draft = this.there.text ? { ...this.there, version: this.version } : { ...NONE, version: 0 };
    this.store.apply([{ list: "conversations", put: [{ id: "c", draft }], about: { loaded: true, kept: false } }]);
  }

  /** @param {string} text */
  write(text) {
    this.box = words(text);
    this.draft.written();
    this.draft.send();
  }

  /**
   * Let another device write.
   * @param {string} text
   */
  elsewhere(text) {
    this.version += 1;
    this.there = words(text);
    this.tell();
  }

  /**
   * @param {string} _path
   * @param {RequestInit} options
   */
  fetch = (_path, options) => {
    if (!this.isOnline) return browser.unreachable();
    const draft = this.there.text ? { content: this.there.text, reply_to: null, version: this.version } : null;
    if (options.method === "GET") return Promise.resolve(Response.json({ draft }));
    /** @type {unknown} */
    const body = JSON.parse(/** @type {string} */ (options.body));
    const { content, base } = /** @type {{ content: string, base: number }} */ (body);
    if (draft && content !== draft.content && base !== draft.version) {
      const headers = { "content-type": "application/problem+json" };
      return Promise.resolve(new Response(JSON.stringify({ code: "draft_conflict", draft }), { status: 409, headers }));
    }
    if (content !== this.there.text) this.elsewhere(content);
    return Promise.resolve(Response.json({ version: this.version }));
  };
}

test("a draft goes to the server, and comes from another device, and its end too", async () => {
  const scene = new Scene();
  scene.write("Hello");
  await until(() => scene.there.text === "Hello", "the server has it");

  scene.elsewhere("Hello Bob");
  await until(() => scene.box.text === "Hello Bob", "it comes from there");
  scene.elsewhere("");
  await until(() => scene.box.text === "", "it was sent there");
  scene.draft.end();
});

test("two texts stand side by side until one is removed, and change places", async () => {
  const scene = new Scene();
  scene.isOnline = false;
  scene.write("Mine");
  scene.elsewhere("Theirs");
  await until(() => scene.other === "Theirs", "both are shown");
  scene.isOnline = true;
  scene.draft.send();
  assert.equal(scene.box.text, "Mine");

  scene.draft.useOther();
  await until(() => scene.box.text === "Theirs" && scene.other === "Mine", "they change places");
  assert.equal(scene.there.text, "Theirs");
  scene.draft.useOther();
  await until(() => scene.there.text === "Mine" && scene.other === "Theirs", "and back");
  scene.draft.dropOther();
  await until(() => scene.other === undefined, "one is left");
  assert.deepEqual([scene.box.text, scene.there.text], ["Mine", "Mine"]);
  await until(() => scene.undo !== undefined, "it can be undone");
  await scene.undo?.();
  assert.equal(scene.other, "Theirs");
  assert.deepEqual([scene.box.text, scene.there.text], ["Mine", "Mine"]);
  scene.draft.dropOther();
  await until(() => scene.other === undefined, "it is removed again");
  scene.draft.end();
});

test("a box that was just used offers another device's text, and does not take it", async () => {
  const scene = new Scene();
  scene.write("Sent in a moment");
  await until(() => scene.there.text === "Sent in a moment", "the server has it");
  scene.write("");
  await until(() => scene.there.text === "", "it was sent");

  scene.elsewhere("Not finished");
  await until(() => scene.other === "Not finished", "it is offered");
  assert.equal(scene.box.text, "");
  scene.draft.useOther();
  await until(() => scene.box.text === "Not finished" && scene.other === undefined, "it is taken");
  assert.equal(scene.there.text, "Not finished");
  scene.draft.end();
});

test("what is removed from the box is removed there, and a list read earlier brings nothing back", async () => {
  const scene = new Scene();
  scene.write("Hello");
  await until(() => scene.there.text === "Hello", "the server has it");
  scene.write("");
  await until(() => scene.there.text === "", "it has nothing");
  scene.write("Again");
  await until(() => scene.there.text === "Again", "it has the next");

  // As if the list had been read before.
  scene.store.apply([{ list: "conversations", put: [{ id: "c", draft: { ...NONE, version: 0 } }] }]);
  scene.draft.send();
  scene.tell();
  scene.write("Again!");
  await until(() => scene.there.text === "Again!", "nothing was lost");
  scene.draft.end();
});
