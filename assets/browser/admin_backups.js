// The region of backups on the owner's page: a button that makes one, and those that are there.

import { buttons } from "./admin_dialogs.js";
import { Region, rowOf } from "./admin_region.js";
import { ask } from "./ask.js";
import { fullTime } from "./clock.js";
import { sizeText } from "./file_words.js";
import { errorLine, newSheet, pressable, textOf } from "./sheet.js";
import { said, say } from "./texts.js";

const PATH = "/api/admin/backups";
const AGAIN = 2000; // ms until the list is asked for again, while a backup is being made

/** @typedef {{ name: string, state: "running" | "ready" | "failed", made_at: string, size: number, failure: string | null }} Backup */

export class Backups extends Region {
  #list = textOf("ul", "", "devices");
  #status = textOf("p", say("Loading…"), "field-hint");
  #error = errorLine();
  #button = pressable(say("Back up now"), "plain", () => this.#make());
  #onChanged;
  /** The backup that is being made. */
  #running = "";
  /** @type {number | undefined} */
  #timer;

  /** @param {() => void} onChanged */
  constructor(onChanged) {
    super(say("Backups"));
    this.#onChanged = onChanged;
    this.#list.ariaLabel = say("Backups");
    this.#status.setAttribute("role", "status");
    this.head.append(textOf("p", say("A backup holds all people, messages and files. The newest three stay on this machine. Download one now and then: what is only here is lost with it."), "field-hint"), this.#button, this.#error);
    this.section.append(this.#list, this.#status);
  }

  async reload() {
    clearTimeout(this.#timer);
    /** @type {Backup[] | undefined} */
    let items;
    const take = (/** @type {Record<string, unknown>} */ answer) => {
      if (!Array.isArray(answer.items)) return false;
      items = answer.items;
      return true;
    };
    await this.load(PATH, take, () => void this.reload());
    if (items) this.#show(items);
    else this.#status.textContent = "";
    // Also after a failure: the chat may be restarting.
    clearTimeout(this.#timer);
    if (this.#running) this.#timer = setTimeout(() => this.section.isConnected && void this.reload(), AGAIN);
  }

  async #make() {
    // Not disabled: that would lose the focus.
    if (this.#button.ariaDisabled === "true") return;
    this.#button.ariaDisabled = "true";
    this.#error.textContent = await ask("POST", PATH, undefined, (made) => made.state === "running");
    this.#button.ariaDisabled = "false";
    // Also where another admin was faster.
    await this.reload();
  }

  /** @param {Backup[]} items */
  #show(items) {
    const running = items.find((one) => one.state === "running")?.name ?? "";
    const ended = this.#running && this.#running !== running ? items.find((one) => one.name === this.#running) : undefined;
    if (running) this.#error.textContent = "";
    this.#running = running;
    this.#button.ariaDisabled = String(Boolean(running));
    const rows = items.map((one) => rowFor(one, this.#onChanged));
    // Unchanged rows stay: the focus may be in one.
    for (const [place, row] of rows.entries()) {
      const old = [.../** @type {Iterable<HTMLElement>} */ (this.#list.children)].find((one) => one.dataset.key === row.dataset.key);
      const kept = old ?? row;
      if (this.#list.children[place] !== kept) this.#list.insertBefore(kept, this.#list.children[place] ?? null);
    }
    while (this.#list.children.length > rows.length) this.#list.lastElementChild?.remove();
    this.#status.textContent = statusOf(items, ended);
    if (ended) this.#onChanged();
  }
}

/**
 * @param {Backup[]} items
 * @param {Backup | undefined} ended the one that was being made
 */
function statusOf(items, ended) {
  if (items.some((one) => one.state === "running")) return say("The backup is being made. You can leave this page meanwhile.");
  if (ended) return ended.state === "ready" ? say("The backup is made.") : "";
  return items.length ? "" : say("No backup was made here.");
}

/**
 * @param {Backup} backup
 * @param {() => void} onChanged
 */
function rowFor({ name, state, made_at: at, size, failure }, onChanged) {
  const title = textOf("div", fullTime(at), "row-name");
  const about = textOf("div", "", "row-preview");
  const row = rowOf(title, about);
  row.dataset.key = `${name} ${state}`;
  if (state === "running") {
    const bar = textOf("div", "", "indeterminate");
    bar.role = "progressbar";
    bar.ariaLabel = say("The backup is being made");
    about.append(bar);
  } else if (state === "failed") {
    title.append(" ", textOf("span", say("Failed#a backup"), "tag"));
    about.append(said(failure ?? ""));
  } else {
    about.append(textOf("bdi", name), " · ", sizeText(size));
    const button = pressable(say("Download"), "plain", () => download(name, onChanged));
    button.ariaLabel = say("Download the backup of {time}", { time: fullTime(at) });
    button.setAttribute("aria-haspopup", "dialog");
    row.append(button);
  }
  return row;
}

/**
 * Say what is in a backup, and download it.
 * @param {string} name
 * @param {() => void} onChanged
 */
function download(name, onChanged) {
  const { dialog, box } = newSheet(say("Download this backup?"), "admin-backup", "");
  const text = [
    say("It holds what everybody has written, and the hashes of their passwords. Keep it where nobody else can read it."),
    say("The key of the chat is not in it. The audit log shows who has downloaded it."),
  ];
  const link = textOf("a", say("Download"), "button primary");
  Object.assign(link, { href: `${globalThis.chatServer ?? ""}${PATH}/${name}`, download: name });
  link.addEventListener("click", () => {
    setTimeout(() => dialog.close());
    // The server writes it down when it begins to send.
    setTimeout(onChanged, AGAIN);
  });
  box.append(...text.map((one) => textOf("p", one, "sheet-text")), buttons(pressable(say("Cancel"), "quiet", () => dialog.close()), link));
  document.body.append(dialog);
  dialog.showModal();
  link.focus();
}
