// <chat-admin>: the owner's page. Its regions load what the API tells admins, page by page, and each shows
// what failed, with a way to try again.

/** @import { Account } from "./admin_dialogs.js" */

import { Backups } from "./admin_backups.js";
import { confirm, invite, manage } from "./admin_dialogs.js";
import { Region, rowOf, timeOf } from "./admin_region.js";
import { ask } from "./ask.js";
import { fullTime, shortTime } from "./clock.js";
import { sizeText } from "./file_words.js";
import { errorLine, pressable, textOf } from "./sheet.js";
import { numberText, say } from "./texts.js";

const AT_ONCE = "20"; // items of a page
const PAUSE = 250; // ms without another letter until the server is asked

/** @typedef {{ id: string, username: string, display_name?: string }} Party */
/** @typedef {{ id: string, created_by: Party | null, expires_at: string, uses: number, max_uses: number | null }} Invite */
/**
 * @typedef {{
 *   id: string, reporter: Party, user: Party, content: string, reason: string, message_id: string | null,
 *   state: "open" | "resolved" | "dismissed", created_at: string,
 * }} Report
 */
/** @typedef {{ id: string, at: string, actor: Party | null, action: string, target: Party | null, address: string }} Entry */
/** @typedef {{ figures: Record<string, number> & { registration: "open" | "invited" | "closed" }, version: string, health: Record<string, string | null> }} Overview */

/** The sentence of each act in the audit log. @type {Record<string, string>} */
const ACTS = {
  created: "{actor} created the account {target}",
  made_admin: "{actor} made {target} an admin",
  removed_admin: "{actor} removed {target} from the admins",
  disabled: "{actor} disabled {target}",
  enabled: "{actor} enabled {target}",
  deleted: "{actor} deleted {target}",
  sessions_ended: "{actor} signed {target} out everywhere",
  all_sessions_ended: "{actor} signed everybody out",
  reset_link_made: "{actor} made a reset link for {target}",
  password_reset: "{actor} set a new password for {target} by a reset link",
  password_set: "{actor} set a new password for {target}",
  invite_made: "{actor} made an invitation",
  invite_withdrawn: "{actor} withdrew an invitation",
  report_open: "{actor} reopened a report about {target}",
  report_resolved: "{actor} resolved a report about {target}",
  report_dismissed: "{actor} dismissed a report about {target}",
  backup_made: "{actor} made a backup",
  backup_failed: "A backup that {actor} began has failed",
  backup_downloaded: "{actor} downloaded a backup",
};
const STATES = { open: say("Open#a report"), resolved: say("Resolved"), dismissed: say("Dismissed") };
const REGISTRATION = {
  open: say("Anybody may register here."),
  invited: say("Only people with an invitation may register here."),
  closed: say("Nobody may register here, not even with an invitation."),
};

class ChatAdmin extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    const audit = new Listing(say("Audit log"), "/api/admin/audit", entryRow, say("Nothing was done yet."));
    const changed = () => void audit.reload();
    const people = new People(changed);
    const reports = new Listing(say("Reports"), "/api/admin/reports", (/** @type {Report} */ row) => reportRow(row, people, changed), say("Nothing was reported."));
    /** @type {Listing} */
    const invites = new Listing(say("Invitations"), "/api/admin/invites", (/** @type {Invite} */ row) => inviteRow(row, afterInvite), say("No invitation is open. “Invite somebody” makes a link and its QR code."));
    const afterInvite = () => {
      void invites.reload();
      changed();
    };
    const registration = textOf("p", "", "field-hint");
    invites.head.append(registration, pressable(say("Invite somebody"), "plain", () => invite(afterInvite)));
    const activity = new Activity((rule) => (registration.textContent = REGISTRATION[rule] ?? ""));
    const regions = [people, invites, reports, activity, new Backups(changed), audit];
    this.replaceChildren(...regions.map((one) => one.section));
    for (const one of regions) void one.reload();
  }
}

/** A region with a list, page by page. */
class Listing extends Region {
  list = textOf("ul", "", "devices");
  query = "";
  #status = textOf("p", say("Loading…"), "field-hint");
  #more = pressable(say("Show more"), "quiet", () => this.#load());
  #path;
  #row;
  #none;
  #next = "";
  /** Counts the loads: only the newest one is shown. */
  #turn = 0;

  /**
   * @param {string} name
   * @param {string} path
   * @param {(row: any) => HTMLElement} row makes the row of an item
   * @param {string} none what stands there when there is none
   */
  constructor(name, path, row, none) {
    super(name);
    this.#path = path;
    this.#row = row;
    this.#none = none;
    this.#status.setAttribute("role", "status");
    this.#more.hidden = true;
    this.list.ariaLabel = name;
    this.section.append(this.list, this.#status, this.#more);
  }

  /** Load the first page anew. */
  reload() {
    this.#next = "";
    return this.#load();
  }

  async #load() {
    this.#turn += 1;
    const turn = this.#turn;
    const [isFirst, after] = [!this.#next, this.#next];
    const query = new URLSearchParams({ limit: AT_ONCE });
    if (this.query) query.set("q", this.query);
    if (after) query.set(this.#path.endsWith("/users") ? "after" : "before", after);
    /** @type {{ id: string }[] | undefined} */
    let items;
    let next = "";
    const take = (/** @type {Record<string, unknown>} */ answer) => {
      if (!Array.isArray(answer.items)) return false;
      items = /** @type {{ id: string }[]} */ (answer.items);
      const place = answer.next_after ?? answer.next_before;
      next = typeof place === "string" ? place : "";
      return true;
    };
    await this.load(`${this.#path}?${query}`, take, () => void (turn === this.#turn && this.#load()));
    if (turn !== this.#turn) return;
    this.#status.textContent = "";
    if (!items) return;
    if (isFirst) this.list.replaceChildren();
    this.list.append(...items.map(this.#row));
    this.#next = next;
    this.#more.hidden = !next;
    if (!this.list.children.length) this.#status.textContent = this.query ? say("Nobody was found.") : this.#none;
  }
}

/** The accounts, with a search. */
class People extends Listing {
  #field = document.createElement("input");
  #onChanged;
  /** @type {number | undefined} */
  #timer;

  /** @param {() => void} onChanged */
  constructor(onChanged) {
    super(say("People"), "/api/admin/users", (/** @type {Account} */ row) => this.#rowOf(row), say("Nobody is here."));
    this.#onChanged = onChanged;
    Object.assign(this.#field, { type: "search", className: "input", maxLength: 64, dir: "auto", placeholder: say("Find people"), ariaLabel: say("Find people") });
    const search = textOf("div", "", "search");
    const icon = textOf("span", "", "icon icon-search");
    icon.ariaHidden = "true";
    search.append(icon, this.#field);
    this.head.append(search);
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.query = this.#field.value.trim();
        void this.reload();
      }, PAUSE);
    });
  }

  /**
   * Show what can be done with an account.
   * @param {Account} account
   */
  manage(account) {
    manage(account, (changed) => {
      this.#onChanged();
      const row = [...this.list.children].find((one) => /** @type {HTMLElement} */ (one).dataset.id === account.id);
      if (!row) return;
      const fresh = changed && this.#rowOf(changed);
      if (fresh) row.replaceWith(fresh);
      else row.remove();
      // The button that had the focus is gone.
      (fresh?.querySelector("button") ?? this.#field).focus();
    });
  }

  /** @param {Account} account */
  #rowOf(account) {
    const { id, display_name: name, username, admin, disabled, sessions, storage_bytes: bytes, last_seen_at: seen } = account;
    const title = textOf("div", "", "row-name");
    title.append(textOf("bdi", name));
    if (admin) title.append(" ", textOf("span", say("Admin"), "tag"));
    if (disabled) title.append(" ", textOf("span", say("Disabled"), "tag"));
    const facts = [say("{n} session|{n} sessions", { n: sessions })];
    if (bytes) facts.push(sizeText(bytes));
    if (seen) facts.push(say("last seen {time}", { time: shortTime(seen) }));
    const button = pressable(say("Manage"), "plain", () => this.manage(account));
    button.ariaLabel = say("Manage {name}", { name });
    button.setAttribute("aria-haspopup", "dialog");
    const about = textOf("div", "", "row-preview");
    about.append(textOf("bdi", `@${username}`), " · ", facts.join(" · "));
    const row = rowOf(title, about, button);
    row.dataset.id = id;
    return row;
  }
}

/** The size, the use and the health of the chat. */
class Activity extends Region {
  #list = textOf("dl", "", "figures");
  #onRule;

  /** @param {(rule: "open" | "invited" | "closed") => void} onRule */
  constructor(onRule) {
    super(say("Activity"));
    this.#onRule = onRule;
    this.section.append(this.#list);
  }

  async reload() {
    /** @type {Overview | undefined} */
    let shown;
    const take = (/** @type {Record<string, unknown>} */ answer) => {
      if (typeof answer.figures !== "object" || typeof answer.health !== "object") return false;
      shown = /** @type {Overview} */ (/** @type {unknown} */ (answer));
      return true;
    };
    await this.load("/api/admin/overview", take, () => void this.reload());
    if (!shown) return;
    const { figures, version, health } = shown;
    this.#onRule(figures.registration);
    const wrong = Object.entries(health).filter(([, is]) => is && !["ok", "current", "same", "off"].includes(is));
    /** @type {[string, string][]} */
    const rows = [
      [say("People"), say("{n}, {lately} of them here within a day", { n: figures.people, lately: figures.people_last_day })],
      [say("Admins"), numberText(figures.admins)],
      [say("Disabled accounts"), numberText(figures.people_disabled)],
      [say("Messages"), say("{n}, {lately} within a day", { n: figures.messages, lately: figures.messages_last_day })],
      [say("Conversations"), numberText(figures.conversations)],
      [say("Database"), sizeText(figures.database_bytes)],
      [say("Files"), sizeText(figures.files_bytes)],
      [say("Open reports"), numberText(figures.open_reports)],
      [say("Version"), version],
      [say("Health"), wrong.length ? wrong.map(([what, is]) => `${what.replaceAll("_", " ")}: ${is}`).join(", ") : say("All is well")],
    ];
    this.#list.replaceChildren(...rows.flatMap(([term, value]) => [textOf("dt", term), textOf("dd", value)]));
  }
}

/**
 * @param {Invite} made
 * @param {() => void} onChanged
 */
function inviteRow({ id, created_by: by, expires_at: until, uses, max_uses: most }, onChanged) {
  const title = textOf("div", most === null ? say("Used {n} time|Used {n} times", { n: uses }) : say("Used {uses} of {n} time|Used {uses} of {n} times", { uses, n: most }), "row-name");
  const about = textOf("div", by ? say("By {name}, good until {time}", { name: `@${by.username}`, time: fullTime(until) }) : say("Made in the shell, good until {time}", { time: fullTime(until) }), "row-preview");
  const error = errorLine();
  const button = pressable(say("Withdraw"), "plain", async () => {
    if (!(await confirm(say("Withdraw this invitation?"), say("Its link admits nobody any more."), say("Withdraw")))) return;
    error.textContent = await ask("DELETE", `/api/admin/invites/${id}`);
    if (!error.textContent) onChanged();
  });
  const row = rowOf(title, about, button);
  row.querySelector(".row-text")?.append(error);
  return row;
}

/**
 * @param {Report} report
 * @param {People} people
 * @param {() => void} onChanged
 * @returns {HTMLElement}
 */
function reportRow(report, people, onChanged) {
  const { id, reporter, user, content, reason, state, created_at: at, message_id: message } = report;
  const title = textOf("div", "", "row-name");
  title.append(message ? say("A message of {name}", { name: nameOf(user) }) : textOf("bdi", nameOf(user)), " ", textOf("span", STATES[state], "tag"));
  const about = textOf("div", "", "row-preview");
  about.append(say("Reported by {name}", { name: nameOf(reporter) }), " · ", timeOf(at));
  const row = rowOf(title, about);
  const words = /** @type {HTMLElement} */ (row.querySelector(".row-text"));
  const why = textOf("p", reason, "report-text");
  why.dir = "auto";
  words.append(why);
  if (content) {
    const quote = textOf("blockquote", content, "report-text");
    quote.dir = "auto";
    words.append(quote);
  }
  const error = errorLine();
  /** @param {Report["state"]} next */
  const set = (next) => async () => {
    error.textContent = await ask("PATCH", `/api/admin/reports/${id}`, { state: next });
    if (error.textContent) return;
    const fresh = reportRow({ ...report, state: next }, people, onChanged);
    row.replaceWith(fresh);
    fresh.querySelector("button")?.focus();
    onChanged();
  };
  const open = async () => {
    /** @type {Account | undefined} */
    let account;
    let after = "";
    const take = (/** @type {Record<string, unknown>} */ answer) => {
      if (!Array.isArray(answer.items)) return false;
      account = /** @type {Account[]} */ (answer.items).find((one) => one.id === user.id);
      after = typeof answer.next_after === "string" ? answer.next_after : "";
      return true;
    };
    const search = `/api/admin/users?q=${encodeURIComponent(user.username)}&limit=100`;
    do error.textContent = await ask("GET", after ? `${search}&after=${after}` : search, undefined, take);
    while (!account && after && !error.textContent);
    if (account) people.manage(account);
    else error.textContent ||= say("This account is deleted.");
  };
  const choices = textOf("div", "", "report-choices");
  if (state === "open") choices.append(pressable(say("Resolve"), "plain", set("resolved")), pressable(say("Dismiss"), "quiet", set("dismissed")));
  else choices.append(pressable(say("Reopen"), "quiet", set("open")));
  if (user.username) choices.append(pressable(say("Manage {name}", { name: nameOf(user) }), "quiet", open));
  words.append(choices, error);
  return row;
}

/** @param {Party} party */
const nameOf = (party) => party.display_name || `@${party.username}`;

/** @param {Entry} entry */
function entryRow({ at, actor, action, target, address }) {
  const places = { actor: actor ? `@${actor.username}` : say("The operator"), target: target ? `@${target.username}` : "" };
  const title = textOf("div", say(ACTS[action] ?? "{actor}: {action} {target}", { ...places, action }), "row-name");
  const about = textOf("div", "", "row-preview");
  about.append(timeOf(at), " · ", address ? say("from {address}", { address }) : say("in the shell"));
  return rowOf(title, about);
}

globalThis.customElements?.define("chat-admin", ChatAdmin);
