// The tray of files that are chosen for a message: a list with pictures, names and sizes, in an order that
// the arrow keys or a drag change. It says at once which files cannot be sent. It is loaded when it is needed.

/** @import { Chosen } from "./attached_files.js" */

import { AWAY } from "./ask.js";
import { kindOf, sizeText, typeText } from "./file_words.js";
import { measured } from "./measure.js";
import { newId } from "./outbox_entry.js";
import { request } from "./request.js";
import { textOf } from "./sheet.js";
import { say } from "./texts.js";

export const MOST = 10;

/** The most bytes that the server takes of a file; 0 while it is not known. */
let largest = 0;
let isAsked = false;

export class Tray {
  #host;
  #chosen;
  #place;
  #list = document.createElement("ul");
  #problem = textOf("p", "", "error-text");
  #status = textOf("p", "", "visually-hidden");
  /** The addresses of the pictures that are shown, by file. @type {Map<string, string>} */
  #urls = new Map();
  /** @type {string | undefined} */
  #dragged;

  /**
   * @param {HTMLElement} host
   * @param {Map<string, Chosen[]>} chosen
   * @param {() => string} place
   */
  constructor(host, chosen, place) {
    this.#host = host;
    this.#chosen = chosen;
    this.#place = place;
    this.#list.className = "tray";
    this.#list.ariaLabel = say("Attached files");
    this.#problem.role = "alert";
    this.#status.role = "status";
    for (const type of ["click", "keydown", "dragstart", "dragover", "dragend", "drop"]) this.#list.addEventListener(type, this);
    host.replaceChildren(this.#problem, this.#list, this.#status);
    void askLimit();
  }

  /**
   * Add files to those that are chosen in a place, as far as they can be sent.
   * @param {(File | Chosen)[]} files
   * @param {string} place
   */
  async add(files, place) {
    await askLimit();
    const before = this.#chosen.get(place) ?? [];
    const { fitting, problem } = sorted(files, before.length, largest);
    const made = await Promise.all(fitting.map(measured));
    // Others may have been added, or all sent, meanwhile.
    const now = this.#chosen.get(place) ?? [];
    this.#chosen.set(place, [...now, ...made].slice(0, MOST));
    this.show(problem);
    if (made.length) this.#status.textContent = made.length === 1 ? say("{name} is attached.", { name: made[0].name }) : say("{n} file is attached.|{n} files are attached.", { n: made.length });
  }

  /**
   * Show the files of the present place.
   * @param {string} [problem]
   */
  show(problem = "") {
    const files = this.#files;
    this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
    this.#list.hidden = !files.length;
    this.#list.replaceChildren(...files.map((file, at) => this.#item(file, at, files.length)));
    for (const [id, url] of this.#urls) {
      if (files.some((file) => file.id === id)) continue;
      URL.revokeObjectURL(url);
      this.#urls.delete(id);
    }
    this.#host.toggleAttribute("data-full", files.length > 0);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("li"));
    const id = item?.dataset.file ?? "";
    if (event.type === "click") {
      const button = /** @type {Element} */ (event.target).closest("button");
      if (button?.className === "tray-remove") this.#remove(id);
      else if (button) void this.#describe(id);
    } else if (event.type === "keydown") this.#key(/** @type {KeyboardEvent} */ (event), id);
    else this.#drag(/** @type {DragEvent} */ (event), id);
  }

  /** @param {string} id */
  async #describe(id) {
    const place = this.#place();
    const file = this.#files.find((one) => one.id === id);
    if (!file) return;
    const save = (/** @type {string} */ description) => {
      const files = this.#chosen.get(place) ?? [];
      this.#chosen.set(place, files.map((one) => (one.id === id ? { ...one, description } : one)));
      this.show();
      this.#itemOf(id)?.querySelector("button")?.focus();
    };
    try {
      const { askForDescription } = await import("./describe.js");
      askForDescription(file.name, this.#urls.get(id) ?? "", file.description ?? "", save);
    } catch {
      this.show(AWAY);
    }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} id
   */
  #key(event, id) {
    const isBack = event.key === "ArrowLeft" || event.key === "ArrowUp";
    if (!isBack && event.key !== "ArrowRight" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const at = this.#files.findIndex((file) => file.id === id);
    const to = at + (isBack ? -1 : 1);
    if (to < 0 || to >= this.#files.length) return;
    this.#move(at, to);
    this.#buttonOf(id)?.focus();
    this.#status.textContent = say("{name}: {at} of {all}", { name: this.#files[to].name, at: to + 1, all: this.#files.length });
  }

  /**
   * @param {DragEvent} event
   * @param {string} id
   */
  #drag(event, id) {
    if (event.type === "dragstart") {
      this.#dragged = id;
      event.dataTransfer?.setData("text/plain", "");
    } else if (this.#dragged === undefined) return;
    else if (event.type === "dragend") this.#dragged = undefined;
    else {
      event.preventDefault();
      const from = this.#files.findIndex((file) => file.id === this.#dragged);
      const to = this.#files.findIndex((file) => file.id === id);
      if (event.type === "dragover" && from >= 0 && to >= 0 && from !== to) this.#move(from, to);
    }
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #move(from, to) {
    const files = [...this.#files];
    files.splice(to, 0, ...files.splice(from, 1));
    this.#chosen.set(this.#place(), files);
    // The items themselves move: a drag would end with one that is made anew.
    const items = new Map([...this.#list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.file, item]));
    this.#list.append(...files.flatMap((file) => items.get(file.id) ?? []));
    files.forEach((file, at) => this.#name(file, at, files.length));
  }

  /** @param {string} id */
  #remove(id) {
    const at = this.#files.findIndex((file) => file.id === id);
    const [removed] = this.#files.filter((file) => file.id === id);
    this.#chosen.set(this.#place(), this.#files.filter((file) => file.id !== id));
    this.show();
    const next = this.#files[Math.min(at, this.#files.length - 1)];
    const back = next ? this.#buttonOf(next.id) : this.#host.closest("form")?.querySelector("textarea");
    /** @type {HTMLElement | null | undefined} */ (back)?.focus();
    if (removed) this.#status.textContent = say("{name} is removed.", { name: removed.name });
  }

  /**
   * @param {Chosen} file
   * @param {number} at
   * @param {number} count
   */
  #item(file, at, count) {
    const item = document.createElement("li");
    item.className = "tray-item";
    item.dataset.file = file.id;
    item.draggable = true;
    item.title = file.name;
    const remove = document.createElement("button");
    Object.assign(remove, { type: "button", className: "tray-remove" });
    const cross = textOf("span", "", "icon icon-cross");
    cross.ariaHidden = "true";
    remove.append(cross);
    const name = textOf("span", "", "tray-name one-line");
    name.append(textOf("bdi", file.name));
    const isPicture = kindOf(file) === "picture" && file.width;
    item.append(this.#picture(file), ...(isPicture ? [describing(file)] : []), name);
    item.append(textOf("span", `${typeText(file)} · ${sizeText(file.size)}`, "tray-about"), remove);
    queueMicrotask(() => this.#name(file, at, count));
    return item;
  }

  /** @param {Chosen} file */
  #picture(file) {
    const place = textOf("span", "", "tray-picture");
    place.ariaHidden = "true";
    if (kindOf(file) === "picture" && file.width) {
      const image = document.createElement("img");
      const url = this.#urls.get(file.id) ?? URL.createObjectURL(file.blob);
      this.#urls.set(file.id, url);
      Object.assign(image, { src: url, alt: "", draggable: false });
      place.append(image);
    } else place.append(textOf("span", "", "icon icon-file"));
    return place;
  }

  /**
   * Name the button of a file, with its place.
   * @param {Chosen} file
   * @param {number} at
   * @param {number} count
   */
  #name({ id, name }, at, count) {
    const button = this.#buttonOf(id);
    if (!button) return;
    button.ariaLabel = say("Remove {name}", { name });
    button.title = count > 1 ? say("Remove. The arrow keys move it: {at} of {all}", { at: at + 1, all: count }) : say("Remove");
  }

  /** @param {string} id */
  #buttonOf(id) {
    return /** @type {HTMLButtonElement | null | undefined} */ (this.#itemOf(id)?.querySelector(".tray-remove"));
  }

  /** @param {string} id */
  #itemOf(id) {
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    return items.find((item) => item.dataset.file === id);
  }

  get #files() {
    return this.#chosen.get(this.#place()) ?? [];
  }
}

/**
 * Return the button that asks for the description of a picture; it shows what there is.
 * @param {Chosen} file
 */
function describing({ name, description }) {
  const button = textOf("button", "", "tray-describe");
  button.append(textOf("span", description || say("Describe"), "one-line"));
  Object.assign(button, { type: "button", title: description || say("Describe it for people who cannot see it") });
  button.ariaLabel = description ? say("Describe {name}: {description}", { name, description }) : say("Describe {name}", { name });
  return button;
}

/**
 * Return the files that can be sent, as chosen ones, and why others cannot.
 * @param {(File | Chosen)[]} files
 * @param {number} count how many are chosen already
 * @param {number} most bytes of a file, 0 where that is not known
 * @returns {{ fitting: Chosen[], problem: string }}
 */
export function sorted(files, count, most) {
  /** @type {string[]} */
  const problems = [];
  const fitting = files.map(asChosen).filter(({ name, size }) => {
    if (!size) problems.push(say("“{name}” is empty, or a folder: it cannot be sent.", { name }));
    else if (most && size > most) problems.push(say("“{name}” is too large: a file may have {most}, and it has {size}.", { name, most: sizeText(most), size: sizeText(size) }));
    else return true;
    return false;
  });
  const room = Math.max(0, MOST - count);
  if (fitting.length > room) problems.push(say("A message has up to {most} files: {n} was left out.|A message has up to {most} files: {n} were left out.", { most: MOST, n: fitting.length - room }));
  return { fitting: fitting.slice(0, room), problem: problems.join(" ") };
}

/**
 * @param {File | Chosen} file
 * @returns {Chosen}
 */
function asChosen(file) {
  if ("blob" in file) return file;
  return { id: newId(), name: file.name || "file", type: file.type, size: file.size, blob: file };
}

/** Ask the server once how large a file may be. */
async function askLimit() {
  if (isAsked) return;
  isAsked = true;
  try {
    const reply = await request("/api/uploads", { method: "OPTIONS", signal: AbortSignal.timeout?.(2_000) });
    largest = Number(reply.headers.get("tus-max-size")) || 0;
  } catch {
    isAsked = false; // It refuses what is too large by itself.
  }
}
