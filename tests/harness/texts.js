// Prints the texts of the scripts as JSON: the `keys` that they say, and those that they show `bare`.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(new URL("../../.config/javascript/package.json", import.meta.url));
/** @typedef {{ type: string, start: number, end: number, loc: { start: { line: number } }, [field: string]: unknown }} Node */
/** @type {unknown} */
const found = require("espree");
const espree = /** @type {{ parse(code: string, options: object): Node }} */ (found);

const FOLDERS = ["assets", "assets/browser"];
/** Constants whose texts are said where they are used. @type {Record<string, string[]>} */
const CONSTANTS = {
  "assets/browser/admin.js": ["ACTS"],
  "assets/browser/file_words.js": ["UNITS"],
  "assets/browser/named.js": ["DELETED"],
};
/** Texts that are said later, in other scripts. */
const SAID_LATER = ["The message was refused.", "Something went wrong. Please try again."];
/** Names and values that look like texts. @type {(RegExp | string)[]} */
const NO_TEXTS = [
  /^(Escape|Tab|Enter|Home|End|Ctrl|Shift|Esc|Arrow(Up|Down|Left|Right))$/, // keys
  /^(InvalidStateError|NotAllowedError|Notification|X-Chat-User|DOMContentLoaded|originalResponse|viewBox)$/,
  /^(search(New|Again|More)|vite:preloadError|no emoji: )$/, // events, a log
  /^(Queued|Sent|Failed)$/, // states of messages that wait
  /^(Chat|Voice message|Deleted user)$/, // the product, the beginning of file names, a name
  /^[a-z+#0-9-]+( [a-z+#0-9-]+)*$/, // class names, and the names of languages of code
  /[={;]|^\.[a-z]|^…$/, // styles and selectors
  "The browser does not open its database.", // for the console
  ...SAID_LATER,
];
const WORDS = /\p{Lu}\p{Ll}|\p{Ll} \p{Ll}|…/u;

/** @type {Set<string>} */
const keys = new Set(SAID_LATER);
/** @type {string[]} */
const bare = [];

for (const folder of FOLDERS) {
  for (const name of readdirSync(folder)) {
    if (name.endsWith(".js")) read(join(folder, name));
  }
}
console.log(JSON.stringify({ keys: [...keys].sort(), bare }));

/** @param {string} file */
function read(file) {
  const code = readFileSync(file, "utf8");
  const isModule = file.includes("browser");
  visit(espree.parse(code, { ecmaVersion: "latest", sourceType: isModule ? "module" : "script", loc: true }), false);

  /**
   * @param {unknown} node
   * @param {boolean} isSaid whether its texts are said
   */
  function visit(node, isSaid) {
    if (Array.isArray(node)) node.forEach((one) => visit(one, isSaid));
    if (typeof node !== "object" || !node || Array.isArray(node)) return;
    const one = /** @type {Node} */ (node);
    if (one.type === "ImportDeclaration") return;
    const text = textOf(one);
    if (text !== undefined) {
      if (isSaid) keys.add(text);
      else if (isShown(text)) bare.push(`${file}:${one.loc.start.line}: ${text}`);
    }
    // A compared text is shown to nobody.
    if (one.type === "CallExpression" && /^\.(includes|startsWith)$/.test(calledName(one))) return;
    if (one.type === "CallExpression" && calledName(one) === "say") {
      const [key, ...places] = /** @type {Node[]} */ (one.arguments);
      visit(key, true);
      visit(places, false);
      return;
    }
    const isConstant = one.type === "VariableDeclarator" && CONSTANTS[file]?.includes(String(/** @type {Node} */ (one.id).name));
    // Its test and its keys are not said.
    for (const [field, value] of Object.entries(one)) {
      if (field === "loc" || field === "test" || (one.type === "Property" && field === "key" && !one.computed)) continue;
      visit(value, isSaid || isConstant);
    }
    if (one.test) visit(one.test, false);
  }
}

/**
 * Return the name of the function that is called, or of the method with a dot before it.
 * @param {Node} node
 */
function calledName({ callee }) {
  const { name, property } = /** @type {{ name?: string, property?: { name?: string } }} */ (callee);
  return name ?? `.${property?.name ?? ""}`;
}

/**
 * Return the text of a literal, with a place for each expression in it.
 * @param {Node} node
 */
function textOf(node) {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral") return undefined;
  return /** @type {{ value: { cooked: string } }[]} */ (node.quasis).map(({ value }) => value.cooked).join("{}");
}

/** @param {string} text */
function isShown(text) {
  const plain = text.replaceAll("{}", "");
  return WORDS.test(plain) && !NO_TEXTS.some((one) => (typeof one === "string" ? one === plain : one.test(plain)));
}
