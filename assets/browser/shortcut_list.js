// The dialog "Keyboard shortcuts": every key of the chat. It is loaded when it is first needed.

import { newSheet, textOf } from "./sheet.js";

/** A key, or keys that are pressed together, and what they do. @typedef {[keys: string[], meaning: string]} Shortcut */

/** @type {ReturnType<typeof newSheet> | undefined} */
let sheet;

/**
 * Open the dialog.
 * @param {boolean} isMac
 */
export function showShortcuts(isMac) {
  sheet ??= makeSheet(isMac ? "⌘" : "Ctrl");
  document.body.append(sheet.dialog);
  sheet.dialog.showModal();
  sheet.dialog.scrollTop = 0;
}

/**
 * Return all shortcuts, by where they work.
 * @param {string} command the name of the key for commands
 * @returns {Record<string, Shortcut[]>}
 */
const shortcuts = (command) => ({
  Everywhere: [
    [[command, "K"], "Go to a conversation, a person or a message"],
    [[command, "Shift", "F"], "Search messages"],
    [["?"], "Show these shortcuts, where nothing is being typed"],
    [["Esc"], "Close a dialog, a menu or what is open beside a chat"],
  ],
  "In lists": [
    [["↑", "↓"], "Move between the rows; from a search field into its list and back"],
    [["←", "→"], "Move between the buttons of a row"],
    [["Home", "End"], "Move to the first and the last row"],
    [["Enter"], "Open the row; in a search for people, the first one found"],
    [["Esc"], "Return to the search field, and empty it"],
  ],
  "While writing": [
    [["Enter"], "Send"],
    [["Shift", "Enter"], "Begin a new line"],
    [["↑"], "Edit your last message, while the box is empty"],
    [["Esc"], "Cancel a reply or an edit"],
    [["@"], "Mention somebody: a name follows"],
    [[":"], "Insert an emoji: its name follows"],
    [["↑", "↓"], "Choose among names; Enter or Tab takes one"],
  ],
  "Among messages": [
    [["Tab"], "Move through the messages: each has its buttons"],
    [["↑", "↓"], "Move in the menu of a message, and scroll the messages"],
    [["←", "→"], "Move among the quick reactions"],
  ],
});

/** @param {string} command */
function makeSheet(command) {
  const made = newSheet("Keyboard shortcuts", "shortcuts-title", "shortcuts");
  for (const [place, rows] of Object.entries(shortcuts(command))) {
    const list = textOf("dl", "", "shortcut-list");
    for (const [keys, meaning] of rows) {
      const row = document.createElement("div");
      const names = textOf("dt", "", "");
      names.append(...keys.flatMap((key, at) => (at ? [" ", textOf("kbd", key, "")] : [textOf("kbd", key, "")])));
      row.append(names, textOf("dd", meaning, ""));
      list.append(row);
    }
    made.box.append(textOf("h3", place, ""), list);
  }
  return made;
}
