// Keyboard navigation in lists. Inside [data-arrows] ArrowUp, ArrowDown, Home and End move the focus
// between the rows, and from one list of a search to the next, ArrowLeft and ArrowRight between the buttons of a row. In a search field ArrowDown
// enters the list, Enter opens the first hit and Escape empties the field; a dialog has its own. A list
// that changes while it has the focus keeps it.

import "./drops.js";

const STOPS = "a[href], button:not([disabled])";
/** @param {Element} list */
const rowsOf = (list) => [...list.children].filter((row) => row.querySelector(STOPS));
/** @param {Element} row */
const stopsOf = (row) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll(STOPS)]);
/**
 * Return where an element's search field and its hits are.
 * @param {Element} element
 */
const scopeOf = (element) => element.closest("dialog, chat-search") ?? document;
/** @param {Element} element */
const searchFieldOf = (element) =>
  /** @type {HTMLInputElement | null} */ (scopeOf(element).querySelector("[data-search]"));

/**
 * Move the focus to another row.
 * @param {Element} list
 * @param {HTMLElement} from
 * @param {string} key
 */
function move(list, from, key) {
  const rows = rowsOf(list);
  const at = rows.findIndex((row) => row.contains(from));
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
  const to = targets[key];
  if (!rows[to]) {
    leaveList(list, to);
    return;
  }
  // The same button of the other row, where there is one.
  const stops = stopsOf(rows[to]);
  stops[Math.min(stopsOf(rows[at]).indexOf(from), stops.length - 1)].focus();
}

/**
 * Move the focus out of a list: to the next one or the one before, and from the first one to the search field.
 * @param {Element} list
 * @param {number} to -1 at its beginning
 */
function leaveList(list, to) {
  const scope = scopeOf(list);
  const lists = scope === document ? [list] : [...scope.querySelectorAll("[data-arrows]")].filter((one) => rowsOf(one).length);
  const at = lists.indexOf(list);
  if (to === -1 && at === 0) searchFieldOf(list)?.focus();
  else if (to === -1) stopsOf(/** @type {Element} */ (rowsOf(lists[at - 1]).at(-1)))[0].focus();
  else if (lists[at + 1]) stopsOf(rowsOf(lists[at + 1])[0])[0].focus();
}

/**
 * Move the focus to another button of the same row.
 * @param {Element} list
 * @param {HTMLElement} from
 * @param {string} key
 */
function moveSideways(list, from, key) {
  const row = rowsOf(list).find((one) => one.contains(from));
  if (!row) return;
  const stops = stopsOf(row);
  const forward = (key === "ArrowRight") === (getComputedStyle(list).direction === "ltr");
  stops[stops.indexOf(from) + (forward ? 1 : -1)]?.focus();
}

/**
 * Empty a field that React controls: React only notices a change through the native setter.
 * @param {HTMLInputElement} field
 */
function empty(field) {
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * The text of the search field for which Enter was pressed before its hits were there.
 * @type {string | null}
 */
let wanted = null;

/**
 * Open the first hit, once the hits are those of the field's text.
 * @param {HTMLInputElement} field
 */
function takeFirst(field) {
  const hits = /** @type {HTMLElement | null} */ (scopeOf(field).querySelector("[data-hits]"));
  const isAnswer = hits?.dataset.hits === field.value.trim();
  wanted = isAnswer ? null : field.value;
  if (isAnswer) stopsOf(hits)[0]?.click();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { key } = event;
  const target = /** @type {HTMLElement} */ (event.target);
  wanted = null;
  const list = target.closest?.("[data-arrows]");
  if (list && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
    event.preventDefault();
    move(list, target, key);
  } else if (list && ["ArrowLeft", "ArrowRight"].includes(key)) {
    event.preventDefault();
    moveSideways(list, target, key);
  } else if (list && key === "Escape" && searchFieldOf(list)) {
    // A dialog is not closed from within its list.
    if (scopeOf(list) !== document) event.preventDefault();
    searchFieldOf(list)?.focus();
  } else if (target.matches?.("[data-search]")) {
    const field = /** @type {HTMLInputElement} */ (target);
    const first = /** @type {HTMLElement | null} */ (scopeOf(field).querySelector(`[data-arrows] :is(${STOPS})`));
    if (key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    } else if (key === "Enter" && field.value) {
      event.preventDefault();
      takeFirst(field);
    } else if (key === "Escape" && field.value) {
      event.preventDefault();
      empty(field);
    }
  }
}

/**
 * Where the focus was last: when that is removed, its neighbour gets the focus.
 * @type {{ list: Element, row: Element, target: Element, at: number } | null}
 */
let last = null;

/** @param {FocusEvent} event */
function onFocus(event) {
  const target = /** @type {Element} */ (event.target);
  const list = target.closest("[data-arrows]");
  const row = list && rowsOf(list).find((one) => one.contains(target));
  last = list && row ? { list, row, target, at: rowsOf(list).indexOf(row) } : null;
}

function onChange() {
  const field = /** @type {HTMLInputElement | null} */ (document.activeElement);
  if (wanted !== null && field?.matches("[data-search]") && field.value === wanted) {
    takeFirst(field);
  }
  if (!last || last.target.isConnected || field !== document.body) return;
  const rows = rowsOf(last.list);
  const row = last.row.isConnected ? last.row : rows[Math.min(last.at, rows.length - 1)];
  const next = last.list.isConnected && row ? stopsOf(row)[0] : undefined;
  last = null;
  next?.focus();
}

if (globalThis.document) {
  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", onFocus);
  new MutationObserver(onChange).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-hits"],
  });
}
