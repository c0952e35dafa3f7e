// Copying of texts. Browsers have their clipboard on secure origins only: over plain HTTP, as in a local
// network, the text is selected for a moment, and copied as by Ctrl+C.

/**
 * Copy a text; return whether the browser has done so.
 * @param {string} text
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

/** @param {string} text */
function copySelected(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = document.createElement("textarea");
  Object.assign(field, { value: text, readOnly: true, className: "visually-hidden" });
  // Nothing outside an open dialog can be selected.
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  place.append(field);
  field.select();
  let isCopied = false;
  try {
    isCopied = document.execCommand("copy");
  } catch {
    // Not allowed: the caller says so.
  }
  field.remove();
  focused?.focus({ preventScroll: true });
  return isCopied;
}
