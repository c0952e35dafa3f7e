// Keys for lists. Inside [data-arrows] the arrow keys, Home and End move between links and buttons;
// from a search field ArrowDown enters the list, Enter takes its first hit and Escape empties it.

const STOPS = "a[href], button:not([disabled])";

function move(list, from, key) {
  const stops = [...list.querySelectorAll(STOPS)];
  const at = stops.indexOf(from);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1 }[key];
  if (to === -1) document.querySelector("[data-search]")?.focus();
  stops[to]?.focus();
}

/** Empty a field that React watches: it only hears of a change made through the native setter. */
function empty(field) {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  set.call(field, "");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const list = target.closest?.("[data-arrows]");
  if (list && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
    event.preventDefault();
    move(list, target, key);
  } else if (list && key === "Escape") {
    document.querySelector("[data-search]")?.focus();
  } else if (target.matches?.("[data-search]")) {
    const first = document.querySelector(`[data-arrows] :is(${STOPS})`);
    if (key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    } else if (key === "Enter" && target.value) {
      event.preventDefault();
      document.querySelector(`[data-hits] :is(${STOPS})`)?.click();
    } else if (key === "Escape" && target.value) {
      event.preventDefault();
      empty(target);
    }
  }
}

globalThis.document?.addEventListener("keydown", onKey);
