// The lists that a page keeps: rows by id in the order of their `order`, and facts about the whole.
// The server changes them by patches (chat_app/ui/reflex/patches.py). Nothing here knows what the
// rows are about.

/**
 * A row. A row with a `rev` never replaces one with a higher `rev`.
 * @typedef {{ id: string, order?: number | string, rev?: number, [field: string]: unknown }} Row
 */

/** @typedef {Record<string, unknown>} About */

/**
 * A change of one list: see chat_app/ui/reflex/patches.py.
 * @typedef {{ list: string, put?: Row[], drop?: string[], reset?: boolean, about?: About }} Patch
 */

/**
 * The present content of a list. Neither it nor a row is ever changed: a change makes new ones.
 * @typedef {{ rows: readonly Row[], about: About }} Content
 */

/**
 * Makes the content after a patch; the same object where nothing changed.
 * @typedef {(content: Content, patch: Patch) => Content} Merge
 */

/** @type {Content} */
export const EMPTY = Object.freeze({ rows: Object.freeze([]), about: Object.freeze({}) });

export class Store {
  /** @type {Map<string, Content>} */
  #lists = new Map();
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map();
  /** How the lists of a kind are merged, where not by `merge`. @type {Record<string, Merge>} */
  #merges;

  /** @param {Record<string, Merge>} [merges] by the part of the name before a colon */
  constructor(merges = {}) {
    this.#merges = merges;
  }

  /**
   * Return a list: the same object until it changes.
   * @param {string} name
   */
  read(name) {
    return this.#lists.get(name) ?? EMPTY;
  }

  /** Return the names of all lists that have any content. */
  names() {
    return [...this.#lists.keys()];
  }

  /**
   * Apply patches, then tell the listeners of each list that changed; return the names of these.
   * @param {Patch[]} patches
   */
  apply(patches) {
    /** @type {Set<string>} */
    const changed = new Set();
    for (const patch of patches) {
      const before = this.read(patch.list);
      const after = (this.#merges[kindOf(patch.list)] ?? merge)(before, patch);
      if (after === before) continue;
      this.#lists.set(patch.list, after);
      changed.add(patch.list);
    }
    for (const name of changed) this.#tell(name);
    return changed;
  }

  /**
   * Add a list that was kept to what the server has sent meanwhile: nothing, if that is the whole list.
   * @param {string} name
   * @param {Content} content
   */
  restore(name, content) {
    const sent = this.#lists.get(name);
    if (sent?.about.loaded) return;
    this.#lists.set(name, sent ? merge(content, { list: name, put: [...sent.rows], about: sent.about }) : content);
    this.#tell(name);
  }

  /** Forget every list: another account signs in. */
  clear() {
    const names = this.names();
    this.#lists.clear();
    for (const name of names) this.#tell(name);
  }

  /**
   * Call `listener` after every change of a list, and return a function that ends that.
   * @param {string} name
   * @param {() => void} listener
   */
  subscribe(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (!listeners.size) this.#listeners.delete(name);
    };
  }

  /** @param {string} name */
  #tell(name) {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }
}

/**
 * Return whether a value that was stored is the content of a list: anybody may have changed it.
 * @param {unknown} value
 * @returns {value is Content}
 */
export function isContent(value) {
  const { rows, about } = /** @type {{ rows?: unknown, about?: unknown }} */ (value ?? {});
  return Array.isArray(rows) && rows.every((row) => isRecord(row) && typeof row.id === "string") && isRecord(about);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {string} list */
const kindOf = (list) => list.split(":", 1)[0];

/** @type {Merge} */
export function merge(content, { put = [], drop = [], reset = false, about = {} }) {
  const rows = reset || put.length || drop.length ? mergedRows(content.rows, put, drop, reset) : content.rows;
  const facts = withFacts(content.about, about);
  return rows === content.rows && facts === content.about ? content : { rows, about: facts };
}

/**
 * Return facts with others merged into them; the same object where nothing changes.
 * @param {About} about
 * @param {About} others
 */
export function withFacts(about, others) {
  const changes = Object.keys(others).some((name) => !isSame(about[name], others[name]));
  return changes ? { ...about, ...others } : about;
}

/**
 * @param {readonly Row[]} rows
 * @param {Row[]} put
 * @param {string[]} drop
 * @param {boolean} reset
 */
function mergedRows(rows, put, drop, reset) {
  const byId = new Map(rows.map((row) => [row.id, row]));
  /** @type {Map<string, Row>} */
  const next = reset ? new Map() : new Map(byId);
  for (const row of put) next.set(row.id, newer(byId.get(row.id), row));
  for (const id of drop) next.delete(id);
  const merged = [...next.values()].sort(byOrder);
  return merged.length === rows.length && merged.every((row, at) => row === rows[at]) ? rows : merged;
}

/**
 * Return the row to show: the kept object, where it is as new or equal.
 * @param {Row | undefined} kept
 * @param {Row} row
 */
export function newer(kept, row) {
  if (!kept) return row;
  return (kept.rev ?? 0) > (row.rev ?? 0) || isSame(kept, row) ? kept : row;
}

/**
 * @param {Row} a
 * @param {Row} b
 */
function byOrder(a, b) {
  const [one, other] = [a.order ?? 0, b.order ?? 0];
  if (one !== other) return one < other ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

/**
 * Return whether two JSON values are equal.
 * @param {unknown} a
 * @param {unknown} b
 * @returns {boolean}
 */
export function isSame(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  const [one, other] = [Object.entries(a), new Map(Object.entries(b))];
  return one.length === other.size && one.every(([name, value]) => other.has(name) && isSame(value, other.get(name)));
}
