// Writes the pages of a build in each language: `node pages.js FOLDER`.
//
// A page that was rendered ahead has marks where its texts belong (assets/browser/texts.js). English takes
// their place in the file itself, and each other language has a file beside it: `index.de.html` names its
// language, its direction and the script with its catalogue, which is loaded before all others.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { directionOf, Language, MARK, shortName } from "../../assets/browser/texts.js";

/** @typedef {Record<string, string | Record<string, string>>} Texts by their English */

const ENGLISH = "en";
const MARKED = new RegExp(`${MARK.begin}(.*?)${MARK.end}`, "gs");
const SCRIPT = '<script src="/language.js"></script>';
const SERVICE_WORKER = "sw.js";
/** The scripts that make a text plain, each after those that it imports: the service worker loads no module. */
const PLAIN = ["addresses.js", "markdown_line.js", "markdown.js"];
/** The texts of the service worker. */
const OF_SERVICE_WORKER = ["New message", "{n} unread messages"];
/** The escapes that React writes for signs of HTML. @type {Record<string, string>} */
const SIGNS = { "&quot;": '"', "&amp;": "&", "&#x27;": "'", "&lt;": "<", "&gt;": ">" };
const ESCAPES = Object.fromEntries(Object.entries(SIGNS).map(([escape, sign]) => [sign, escape]));

/** The catalogues by language; English has none. */
export async function readCatalogues() {
  const names = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".json"));
  /** @type {[string, Texts][]} */
  const catalogues = [];
  for (const name of names) {
    /** @type {unknown} */
    const texts = JSON.parse(await readFile(join(import.meta.dirname, name), "utf8"));
    catalogues.push([name.replace(".json", ""), /** @type {Texts} */ (texts)]);
  }
  return catalogues;
}

/**
 * Return a catalogue as pages have it; two keys of one name stop the build.
 * @param {Texts} texts
 */
export function shortened(texts) {
  /** @type {Texts} */
  const short = {};
  for (const [key, text] of Object.entries(texts)) {
    const name = shortName(key);
    if (name in short) throw new Error(`“${key}” has the short name of another text: word it differently`);
    short[name] = text;
  }
  return short;
}

/**
 * Return a page in one language.
 * @param {string} page
 * @param {string} language
 * @param {Texts} short
 * @param {string} [script] the address of the catalogue
 */
export function translated(page, language, short, script) {
  const texts = new Language(language, short);
  const words = page.replace(MARKED, (_mark, escaped) => {
    /** @type {unknown} */
    const mark = JSON.parse(unescaped(String(escaped)));
    const [key, places] = /** @type {[string, {}]} */ (mark);
    return texts.say(key, places).replace(/[&<>"']/g, (/** @type {string} */ sign) => ESCAPES[sign]);
  });
  if (!words.includes(SCRIPT)) throw new Error("A page names no script that could hold the catalogue");
  if (words.includes(MARK.begin)) throw new Error("A script has cut a text of a page that is rendered ahead");
  // React takes any script for the one that it expects; English needs none.
  if (!script) return words.replace(SCRIPT, "<script></script>");
  return words
    .replace('<html lang="en"', `<html lang="${language}" dir="${directionOf(language)}"`)
    .replace(SCRIPT, `<script src="${script}"></script>`);
}

/** @param {string} text */
const unescaped = (text) => text.replace(/&(quot|amp|#x27|lt|gt);/g, (escape) => SIGNS[escape]);

/**
 * Write the script of a catalogue, under a name that changes with it; return its address.
 * @param {string} folder
 * @param {string} language
 * @param {Texts} short
 */
async function writeScript(folder, language, short) {
  const script = `globalThis.chatTexts=${JSON.stringify(short)};\n`;
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 8);
  const name = `/assets/language-${language}-${hash}.js`;
  await mkdir(join(folder, "assets"), { recursive: true });
  await writeFile(join(folder, name), script);
  return name;
}

/** Return a script that sets `chatPlainText`, made of modules whose names are all different. */
export async function plainTextScript() {
  const scripts = join(import.meta.dirname, "../../assets/browser");
  const modules = await Promise.all(PLAIN.map((name) => readFile(join(scripts, name), "utf8")));
  const parts = modules.map((module) => module.replace(/^import .*;$/gm, "").replace(/^export (?=const|function|class)/gm, ""));
  const script = `self.chatPlainText = (() => {\n"use strict";\n${parts.join("")}return plainText;\n})();\n`;
  if (/^(?:import|export)\b/m.test(script)) throw new Error("A script of the service worker imports or exports in another way");
  return script;
}

/** @param {string} folder */
async function pagesOf(folder) {
  const files = await readdir(folder, { recursive: true });
  return files.filter((name) => name.endsWith(".html"));
}

/** @param {string} folder */
export async function writePages(folder) {
  const pages = await pagesOf(folder);
  const fallback = pages.find((name) => name === "__spa-fallback.html");
  const worker = (await plainTextScript()) + (await readFile(join(folder, SERVICE_WORKER), "utf8"));
  const ahead = await Promise.all(pages.map(async (name) => ({ name, page: await readFile(join(folder, name), "utf8") })));
  for (const [language, texts] of await readCatalogues()) {
    const short = shortened(texts);
    const script = await writeScript(folder, language, short);
    for (const { name, page } of ahead) {
      const words = translated(page, language, short, script);
      await writeFile(join(folder, withLanguage(name, language)), words);
      // Reflex copies the English one.
      if (name === fallback) await writeFile(join(folder, withLanguage("404.html", language)), words);
    }
    const own = Object.fromEntries(OF_SERVICE_WORKER.map((key) => [key, texts[key]]));
    const words = `self.chatWords = ${JSON.stringify({ language, texts: own })};\n`;
    await writeFile(join(folder, withLanguage(SERVICE_WORKER, language)), words + worker);
  }
  await writeFile(join(folder, SERVICE_WORKER), worker);
  for (const { name, page } of ahead) await writeFile(join(folder, name), translated(page, ENGLISH, {}));
}

/**
 * @param {string} name
 * @param {string} language
 */
const withLanguage = (name, language) => name.replace(/\.(\w+)$/, `.${language}.$1`);

if (process.argv[1] === import.meta.filename) await writePages(process.argv[2]);
