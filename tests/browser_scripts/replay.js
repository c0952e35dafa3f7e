// Applies patches to the store of a page, for tests in Python. Each line of the input holds
// {"page": name, "patches": [...]}; the answer is a line with every list of that page, and the page
// of messages that each would ask for.

import { createInterface } from "node:readline";
import { mergeMessages, missingPage } from "../../assets/browser/messages.js";
import { Store } from "../../assets/browser/store.js";
import { worded } from "../../assets/browser/texts.js";

/** @import { Content, Patch } from "../../assets/browser/store.js" */

/** @type {Map<string, Store>} */
const pages = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  /** @type {unknown} */
  const given = JSON.parse(line);
  const { page, patches } = /** @type {{ page: string, patches: Patch[] }} */ (given);
  const store = pages.get(page) ?? new Store({ messages: mergeMessages });
  pages.set(page, store);
  store.apply(worded(patches));
  /** @type {Record<string, Content & { missing?: ReturnType<typeof missingPage> }>} */
  const lists = {};
  for (const name of store.names()) {
    const content = store.read(name);
    lists[name] = name.startsWith("messages:") ? { ...content, missing: missingPage(content) } : content;
  }
  process.stdout.write(`${JSON.stringify(lists)}\n`);
}
