// Shows the text of messages with its Markdown as React elements. No HTML exists at any point: everything
// people write becomes a text node, and only http, https and mailto become links.

/** @import { ReactElement, ReactNode } from "react" */
/** @import { Block, List } from "./markdown.js" */
/** @import { Inline, Link } from "./markdown_line.js" */

import { createElement } from "react";
import { CodeBlock } from "./code_block.js";
import { parse } from "./markdown.js";

/**
 * Return a text as children for React.
 * @param {string} text
 * @returns {ReactNode}
 */
export const richText = (text) => contentOf(parse(text));

/**
 * Return blocks; a single text stands in no element of its own.
 * @param {Block[]} blocks
 * @returns {ReactNode}
 */
function contentOf(blocks) {
  const [first] = blocks;
  if (blocks.length === 1 && first.type === "text") return first.children.map(piece);
  return blocks.map(blockElement);
}

/**
 * @param {Block} block
 * @param {number} key
 * @returns {ReactElement}
 */
function blockElement(block, key) {
  if (block.type === "text") return createElement("p", { key }, block.children.map(piece));
  if (block.type === "code") return createElement(CodeBlock, { key, text: block.text, language: block.language });
  if (block.type === "quote") return createElement("blockquote", { key }, contentOf(block.children));
  return list(block, key);
}

/**
 * @param {List} block
 * @param {number} key
 */
function list({ ordered, items }, key) {
  const digits = Math.max(...items.map(({ number }) => String(number).length));
  return createElement(
    ordered ? "ol" : "ul",
    // The numbers have the room they need.
    { key, style: ordered ? { "--digits": digits } : undefined },
    items.map(({ number, children }, at) => createElement("li", { key: at, value: ordered ? number : undefined }, contentOf(children))),
  );
}

/**
 * @param {Inline} one
 * @param {number} key
 * @returns {ReactNode}
 */
function piece(one, key) {
  if (typeof one === "string") return one;
  if (one.type === "code") return createElement("code", { key }, one.text);
  if (one.type === "link") return link(one, key);
  return createElement(one.type, { key }, one.children.map(piece));
}

/**
 * Return a link that opens in a new tab: leaving the page would close the live link.
 * @param {Link} one
 * @param {number} key
 */
function link({ href, children }, key) {
  const isBare = children.length === 1 && children[0] === href;
  const title = isBare ? undefined : href;
  return createElement("a", { key, href, title, target: "_blank", rel: "noopener noreferrer nofollow" }, children.map(piece));
}
