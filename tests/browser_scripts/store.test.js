// The store of a page: lists, patches and listeners.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isContent, Store } from "../../assets/browser/store.js";

/** @param {Store} store */
const ids = (store) => store.read("people").rows.map((row) => row.id);

test("rows are put, ordered, replaced and dropped", () => {
  const store = new Store();
  store.apply([{ list: "people", put: [{ id: "b", order: 2 }, { id: "a", order: 2 }, { id: "c", order: 1 }] }]);
  assert.deepEqual(ids(store), ["c", "a", "b"]);
  store.apply([{ list: "people", put: [{ id: "c", order: 3 }], drop: ["a", "unknown"] }]);
  assert.deepEqual(ids(store), ["b", "c"]);
  store.apply([{ list: "people", reset: true, put: [{ id: "d" }] }]);
  assert.deepEqual(ids(store), ["d"]);
});

test("an older row changes nothing, an equal one keeps its object", () => {
  const store = new Store();
  store.apply([{ list: "people", put: [{ id: "a", rev: 2, names: ["x"] }] }]);
  const content = store.read("people");
  store.apply([{ list: "people", put: [{ id: "a", rev: 1, names: [] }] }]);
  store.apply([{ list: "people", reset: true, put: [{ id: "a", rev: 2, names: ["x"] }], about: {} }]);
  assert.equal(store.read("people"), content);
});

test("listeners are told once for all patches of a step, and only of a change", () => {
  const store = new Store();
  let told = 0;
  const stop = store.subscribe("people", () => told++);
  store.apply([{ list: "people", about: { loaded: true } }, { list: "people", put: [{ id: "a" }] }]);
  store.apply([{ list: "people", about: { loaded: true }, put: [{ id: "a" }] }]);
  store.apply([{ list: "others", about: { loaded: true } }]);
  assert.equal(told, 1);
  stop();
  store.apply([{ list: "people", drop: ["a"] }]);
  assert.equal(told, 1);
});

test("a kept list never replaces what the server has sent", () => {
  const store = new Store();
  const kept = { rows: [{ id: "a", order: 1 }, { id: "b", order: 2, name: "old" }], about: { kept: true } };
  store.apply([{ list: "people", put: [{ id: "b", order: 2, name: "new" }] }]);
  store.restore("people", kept);
  assert.deepEqual(store.read("people").rows.map((row) => row.name), [undefined, "new"]);
  store.apply([{ list: "people", put: [{ id: "new" }], reset: true, about: { loaded: true } }]);
  store.restore("people", kept);
  assert.deepEqual(ids(store), ["new"]);
  store.clear();
  assert.deepEqual(ids(store), []);
  store.restore("people", { rows: [{ id: "old" }], about: {} });
  assert.deepEqual(ids(store), ["old"]);
});

test("only lists of rows with an id are lists", () => {
  assert.ok(isContent({ rows: [{ id: "a" }], about: {} }));
  for (const value of [undefined, null, {}, { rows: null, about: {} }, { rows: [null], about: {} }, { rows: [{}], about: {} }, { rows: [], about: [] }])
    assert.ok(!isContent(value), JSON.stringify(value));
});
