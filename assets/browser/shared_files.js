// The dialog "Shared files": what was sent in a conversation, by kind, the latest first. It is loaded when it is
// first opened, and asks the server page by page.

/** @import { ShownFile } from "./attachments.js" */

import { addressOf } from "./attachments.js";
import { pictureText, sizeText, typeText } from "./file_words.js";
import { request } from "./request.js";
import { newSheet, textOf } from "./sheet.js";
import { say } from "./texts.js";

const PATIENCE = 15_000;
const FAILED = say("The files could not be loaded. Please try again.");
/** @type {Record<string, { label: string, none: string }>} */
const KINDS = {
  image: { label: say("Pictures"), none: say("No pictures were shared here yet.") },
  video: { label: say("Videos"), none: say("No videos were shared here yet.") },
  audio: { label: say("Audio"), none: say("No sounds were shared here yet.") },
  file: { label: say("Files"), none: say("No other files were shared here yet.") },
};

/**
 * A file as the API has it.
 * @typedef {{
 *   id: string, name: string, description: string | null, media_type: string, size: number, width: number | null, height: number | null,
 *   duration: number | null, thumbnail_url: string | null, placeholder: string | null, url: string,
 * }} ApiFile
 */
/** @typedef {{ items: { file: ApiFile, message_id: string, seq: number }[], next_before: string | null }} Page */

/**
 * Show the files of a conversation.
 * @param {string} conversationId
 */
export function showShared(conversationId) {
  new SharedFiles(conversationId).open();
}

class SharedFiles {
  #sheet = newSheet(say("Shared files"), "shared-title", "shared-files");
  #list = document.createElement("ul");
  #status = textOf("p", "", "shared-status");
  #more = textOf("button", say("Show earlier ones"), "button quiet");
  /** @type {Map<string, HTMLButtonElement>} */
  #tabs = new Map();
  #path;
  #kind = "image";
  /** @type {ShownFile[]} */
  #pictures = [];
  #before = "";

  /** @param {string} conversationId */
  constructor(conversationId) {
    this.#path = `/api/conversations/${conversationId}/files?limit=50`;
    const tabs = textOf("div", "", "filter-bar");
    tabs.role = "group";
    tabs.ariaLabel = say("Show");
    for (const [kind, { label }] of Object.entries(KINDS)) {
      const tab = textOf("button", label, "filter");
      tab.type = "button";
      tab.addEventListener("click", () => void this.#show(kind));
      this.#tabs.set(kind, tab);
      tabs.append(tab);
    }
    this.#status.role = "status";
    this.#more.type = "button";
    this.#more.addEventListener("click", () => void this.#load());
    this.#list.ariaLabel = say("Shared files");
    this.#sheet.box.append(tabs, this.#list, this.#status, this.#more);
  }

  open() {
    document.body.append(this.#sheet.dialog);
    this.#sheet.dialog.showModal();
    void this.#show("image");
  }

  /** @param {string} kind */
  async #show(kind) {
    this.#kind = kind;
    this.#before = "";
    this.#pictures = [];
    for (const [name, tab] of this.#tabs) tab.ariaPressed = String(name === kind);
    this.#list.className = kind === "image" ? "shared-pictures" : "shared-rows";
    this.#list.replaceChildren();
    await this.#load();
  }

  async #load() {
    const kind = this.#kind;
    this.#more.hidden = true;
    this.#status.textContent = say("Loading…");
    const page = await load(`${this.#path}&kind=${kind}${this.#before ? `&before=${this.#before}` : ""}`);
    if (kind !== this.#kind) return;
    if (page) this.#add(page);
    this.#status.textContent = page ? (this.#list.children.length ? "" : KINDS[kind].none) : FAILED;
    this.#more.textContent = page ? say("Show earlier ones") : say("Try again");
    this.#more.hidden = page !== undefined && !page.next_before;
  }

  /** @param {Page} page */
  #add({ items, next_before: before }) {
    this.#before = before ?? "";
    for (const { file, seq } of items) {
      const shown = shownOf(file);
      const item = document.createElement("li");
      if (this.#kind === "image") item.append(this.#picture(shown));
      else item.append(rowOf(shown), this.#place(seq));
      this.#list.append(item);
    }
  }

  /** @param {ShownFile} file */
  #picture(file) {
    this.#pictures.push(file);
    const button = textOf("button", "", "picture");
    Object.assign(button, { type: "button", ariaLabel: pictureText(file), title: file.description || file.name });
    if (file.placeholder) button.style.backgroundImage = `url("${file.placeholder}")`;
    const image = document.createElement("img");
    Object.assign(image, { alt: "", loading: "lazy", decoding: "async", src: addressOf(file, file.thumb || file.url) });
    button.append(image);
    const open = async () => (await import("./picture_dialog.js")).showPictures(this.#pictures, file.id);
    button.addEventListener("click", () => void open().catch(() => (this.#status.textContent = FAILED)));
    return button;
  }

  /**
   * Return the button that shows the message of a file: the timeline listens for it.
   * @param {number} seq
   */
  #place(seq) {
    const button = textOf("button", say("Show message"), "button quiet");
    button.type = "button";
    button.dataset.goTo = String(seq);
    button.addEventListener("click", () => this.#sheet.dialog.close());
    return button;
  }
}

/**
 * @param {ApiFile} file
 * @returns {ShownFile}
 */
function shownOf({ id, name, description, media_type: type, size, width, height, duration, thumbnail_url: thumb, placeholder, url }) {
  return {
    id,
    name,
    description: description ?? "",
    type,
    size,
    width: width ?? 0,
    height: height ?? 0,
    duration: duration ?? 0,
    thumb: thumb ?? "",
    placeholder: placeholder ?? "",
    url,
  };
}

/** @param {ShownFile} file */
function rowOf(file) {
  const row = textOf("a", "", "file-row");
  Object.assign(row, { href: addressOf(file, file.url), download: file.name, title: say("Download {name}", { name: file.name }) });
  const icon = textOf("span", "", "file-icon");
  icon.ariaHidden = "true";
  icon.append(textOf("span", "", "icon icon-file"));
  if (file.thumb) icon.append(pageOf(file));
  const words = textOf("span", "", "file-words");
  const name = textOf("span", "", "file-name");
  name.append(textOf("bdi", file.name));
  words.append(name, textOf("span", `${typeText(file)} · ${sizeText(file.size)}`, "file-about"));
  row.append(icon, words);
  return row;
}

/**
 * Return the picture of the first page of a document.
 * @param {ShownFile} file
 */
function pageOf(file) {
  const image = document.createElement("img");
  Object.assign(image, { src: addressOf(file, file.thumb), alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.remove());
  return image;
}

/**
 * @param {string} path
 * @returns {Promise<Page | undefined>}
 */
async function load(path) {
  try {
    const reply = await request(path, { signal: AbortSignal.timeout?.(PATIENCE) });
    /** @type {unknown} */
    const page = reply.ok ? await reply.json() : undefined;
    return /** @type {Page | undefined} */ (page);
  } catch {
    return undefined;
  }
}
