// Reminders of messages, from their menu. What they need is loaded with the first one.

import { AWAY } from "./ask.js";

/**
 * Set a reminder of a message. Return what was done in words, or the problem.
 * @param {string} id
 * @param {string} when one of those in the menu
 * @returns {Promise<{ said?: string, problem?: string }>}
 */
export async function remind(id, when) {
  try {
    const later = await import("./later.js");
    return await later.remind(id, when);
  } catch {
    // The script could not be loaded.
    return { problem: AWAY };
  }
}
