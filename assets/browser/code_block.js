// A block of code in a message: its language, a button that copies it, and its words in colours once the
// highlighter is loaded.

/** @import { ReactNode } from "react" */
/** @import { Part } from "./highlight.js" */

import { createElement, useEffect, useState } from "react";
import { copyText } from "./clipboard.js";
import { say } from "./texts.js";

const MAX_LENGTH = 8_000;
const SAID_FOR = 2_000; // ms
/** The languages that highlight.js knows, by the names that people write. @type {Map<string, string>} */
const LANGUAGES = new Map();
for (const names of [
  "bash sh shell zsh console",
  "c h",
  "cpp c++ cc hpp",
  "csharp cs c#",
  "css",
  "diff patch",
  "go golang",
  "java",
  "javascript js jsx mjs cjs node",
  "json jsonc json5",
  "kotlin kt kts",
  "php",
  "python py python3 gyp",
  "ruby rb",
  "rust rs",
  "sql postgresql postgres psql sqlite mysql",
  "swift",
  "typescript ts tsx",
  "xml html xhtml svg rss vue",
  "yaml yml",
]) {
  const all = names.split(" ");
  for (const name of all) LANGUAGES.set(name, all[0]);
}

/** @param {{ text: string, language: string }} props */
export function CodeBlock({ text, language }) {
  const parts = useParts(text, language);
  const [state, setState] = useState(say("Copy"));
  const copy = async () => {
    setState((await copyText(text)) ? say("Copied") : say("Not copied"));
    setTimeout(() => setState(say("Copy")), SAID_FOR);
  };
  const name = createElement("span", { className: "one-line", key: "name" }, language || say("Code"));
  const button = createElement("button", { key: "copy", type: "button", onClick: () => void copy() }, state);
  return createElement(
    "div",
    { className: "code-block" },
    createElement("div", { className: "code-head" }, name, createElement("span", { "aria-live": "polite" }, button)),
    // Long lines scroll: with the arrow keys, too.
    createElement("pre", { dir: "ltr", tabIndex: 0, role: "group", "aria-label": say("Code") }, createElement("code", null, parts)),
  );
}

/**
 * Return the words of code, in colours once these are known.
 * @param {string} text
 * @param {string} language
 * @returns {ReactNode}
 */
function useParts(text, language) {
  const [coloured, setColoured] = useState({ text: "", parts: /** @type {Part[]} */ ([]) });
  useEffect(() => {
    let isShown = true;
    void partsOf(text, language).then((parts) => {
      if (isShown && parts) setColoured({ text, parts });
    });
    return () => {
      isShown = false;
    };
  }, [text, language]);
  return coloured.text === text ? coloured.parts.map(element) : text;
}

/**
 * Return the parts of code; undefined where the language is not known or cannot be loaded.
 * @param {string} text
 * @param {string} language
 */
async function partsOf(text, language) {
  const name = LANGUAGES.get(language);
  if (!name || text.length > MAX_LENGTH) return undefined;
  try {
    const { highlight } = await import("./highlight.js");
    return await highlight(text, name);
  } catch {
    // Without a connection the code stays as it is.
    return undefined;
  }
}

/**
 * @param {Part} part
 * @param {number} key
 * @returns {ReactNode}
 */
function element(part, key) {
  if (typeof part === "string") return part;
  const kind = part.scope?.split(".")[0] ?? "";
  return createElement("span", { key, className: kind && `code-${kind}` }, part.children.map(element));
}
