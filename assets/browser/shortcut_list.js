// The dialog "Keyboard shortcuts": every key of the chat. It is loaded when it is first needed.

import { newSheet, textOf } from "./sheet.js";
import { say } from "./texts.js";

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
  [say("Everywhere")]: [
    [[command, "K"], say("Go to a conversation, a person or a message")],
    [[command, "Shift", "F"], say("Search messages")],
    [["?"], say("Show these shortcuts, where nothing is being typed")],
    [["Esc"], say("Close a dialog, a menu or what is open beside a chat")],
  ],
  [say("In lists")]: [
    [["↑", "↓"], say("Move between the rows; from a search field into its list and back")],
    [["←", "→"], say("Move between the buttons of a row")],
    [["Home", "End"], say("Move to the first and the last row")],
    [["Enter"], say("Open the row; in a search for people, the first one found")],
    [["Esc"], say("Return to the search field, and empty it")],
  ],
  [say("While writing")]: [
    [["Enter"], say("Send")],
    [["Shift", "Enter"], say("Begin a new line")],
    [["↑"], say("Edit your last message, while the box is empty")],
    [["Esc"], say("Cancel a reply or an edit")],
    [["@"], say("Mention somebody: a name follows")],
    [[":"], say("Insert an emoji: its name follows")],
    [["↑", "↓"], say("Choose among names; Enter or Tab takes one")],
  ],
  [say("Among messages")]: [
    [["Tab"], say("Move through the messages: each has its buttons")],
    [["↑", "↓"], say("Move in the menu of a message, and scroll the messages")],
    [["←", "→"], say("Move among the quick reactions")],
  ],
});

/** @param {string} command */
function makeSheet(command) {
  const made = newSheet(say("Keyboard shortcuts"), "shortcuts-title", "shortcuts");
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
