// Colours for code blocks. Loaded with the first block whose language it knows; each language is a file of
// its own.

import hljs from "highlight.js/lib/core";

/** @import { LanguageFn } from "highlight.js" */

/** A part of code: its words, or a kind of word with its parts. @typedef {string | { scope?: string, children: Part[] }} Part */

/** @type {Record<string, () => Promise<{ default: LanguageFn }>>} */
const LOADERS = {
  bash: () => import("highlight.js/lib/languages/bash"),
  c: () => import("highlight.js/lib/languages/c"),
  cpp: () => import("highlight.js/lib/languages/cpp"),
  csharp: () => import("highlight.js/lib/languages/csharp"),
  css: () => import("highlight.js/lib/languages/css"),
  diff: () => import("highlight.js/lib/languages/diff"),
  go: () => import("highlight.js/lib/languages/go"),
  java: () => import("highlight.js/lib/languages/java"),
  javascript: () => import("highlight.js/lib/languages/javascript"),
  json: () => import("highlight.js/lib/languages/json"),
  kotlin: () => import("highlight.js/lib/languages/kotlin"),
  php: () => import("highlight.js/lib/languages/php"),
  python: () => import("highlight.js/lib/languages/python"),
  ruby: () => import("highlight.js/lib/languages/ruby"),
  rust: () => import("highlight.js/lib/languages/rust"),
  sql: () => import("highlight.js/lib/languages/sql"),
  swift: () => import("highlight.js/lib/languages/swift"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  xml: () => import("highlight.js/lib/languages/xml"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
};

/**
 * Return the parts of code in a language.
 * @param {string} code
 * @param {string} name
 * @returns {Promise<Part[]>}
 */
export async function highlight(code, name) {
  if (!hljs.getLanguage(name)) hljs.registerLanguage(name, (await LOADERS[name]()).default);
  // The library's own result is HTML; the tree it was made from is used instead.
  const { _emitter } = hljs.highlight(code, { language: name, ignoreIllegals: true });
  const { rootNode } = /** @type {{ rootNode: { children: Part[] } }} */ (/** @type {unknown} */ (_emitter));
  return rootNode.children;
}
