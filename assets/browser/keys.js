// Keys for lists. Inside [data-arrows] the arrow keys, Home and End move between the rows, and
// sideways between the buttons of one; from a search field ArrowDown enters the list, Enter takes
// the first hit and Escape empties it. A list that changes while it has the focus keeps it.

const STOPS = "a[href], button:not([disabled])";
const rowsOf = (list) => [...list.children].filter((row) => row.querySelector(STOPS));
const stopsOf = (row) => [...row.querySelectorAll(STOPS)];
const searchField = () => document.querySelector("[data-search]");

function move(list, from, key) {
  const rows = rowsOf(list);
  const at = rows.findIndex((row) => row.contains(from));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[key];
  if (to === -1) searchField()?.focus();
  if (!rows[to]) return;
  // The same button of the other row, where there is one.
  const stops = stopsOf(rows[to]);
  stops[Math.min(stopsOf(rows[at]).indexOf(from), stops.length - 1)].focus();
}

function moveSideways(list, from, key) {
  const stops = stopsOf(rowsOf(list).find((row) => row.contains(from)));
  const forward = (key === "ArrowRight") === (getComputedStyle(list).direction === "ltr");
  stops[stops.indexOf(from) + (forward ? 1 : -1)]?.focus();
}

/** Empty a field that React watches: it only hears of a change made through the native setter. */
function empty(field) {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  set.call(field, "");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// Enter may come before the answer to what was typed: then it waits for that answer.
let wanted = null;

/** Take the first hit, if the hits are those of what the field says. */
function takeFirst(field) {
  const hits = document.querySelector("[data-hits]");
  const isAnswer = hits?.dataset.hits === field.value.trim();
  wanted = isAnswer ? null : field.value;
  if (isAnswer) hits.querySelector(STOPS)?.click();
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  wanted = null;
  const list = target.closest?.("[data-arrows]");
  if (list && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
    event.preventDefault();
    move(list, target, key);
  } else if (list && ["ArrowLeft", "ArrowRight"].includes(key)) {
    event.preventDefault();
    moveSideways(list, target, key);
  } else if (list && key === "Escape") {
    searchField()?.focus();
  } else if (target.matches?.("[data-search]")) {
    const first = document.querySelector(`[data-arrows] :is(${STOPS})`);
    if (key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    } else if (key === "Enter" && target.value) {
      event.preventDefault();
      takeFirst(target);
    } else if (key === "Escape" && target.value) {
      event.preventDefault();
      empty(target);
    }
  }
}

// Where the focus was last, so that it can go to what is next to it when that is taken away.
let last = null;

function onFocus({ target }) {
  const list = target.closest("[data-arrows]");
  const row = list && rowsOf(list).find((one) => one.contains(target));
  last = row ? { list, row, target, at: rowsOf(list).indexOf(row) } : null;
}

function onChange() {
  const field = document.activeElement;
  if (wanted !== null && field?.matches("[data-search]") && field.value === wanted) {
    takeFirst(field);
  }
  if (!last || last.target.isConnected || field !== document.body) return;
  const rows = rowsOf(last.list);
  const row = last.row.isConnected ? last.row : rows[Math.min(last.at, rows.length - 1)];
  const next = last.list.isConnected && row?.querySelector(STOPS);
  last = null;
  if (next) next.focus();
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
