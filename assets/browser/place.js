// Which page of the chat the shell is around. The shell stays while the pages in it change, so it reads
// the address and not what the page says. Scripts open another page by the shell's router, which keeps what is
// there.

import { useEffect, useSyncExternalStore } from "react";
import { moveFocus } from "./focus.js";

/**
 * A page in the shell: `name` is "" for a page without it, and `id` that of the open conversation.
 * @typedef {{ name: "" | "home" | "chat" | "people" | "channels" | "saved" | "scheduled" | "search" | "settings" | "admin" | "share", id: string }} Place
 */

/** @typedef {(path: string) => unknown} Navigate */

/** The router's function, once the shell is there. @type {Navigate | undefined} */
let router;

/** @type {Place} */
const OUTSIDE = { name: "", id: "" };
/** @type {Record<string, Place>} */
const PLACES = {
  "/": { name: "home", id: "" },
  "/people": { name: "people", id: "" },
  "/channels": { name: "channels", id: "" },
  "/saved": { name: "saved", id: "" },
  "/scheduled": { name: "scheduled", id: "" },
  "/search": { name: "search", id: "" },
  "/settings": { name: "settings", id: "" },
  "/admin": { name: "admin", id: "" },
  "/share": { name: "share", id: "" },
};

/**
 * Return the page of an address.
 * @param {string} pathname
 * @returns {Place}
 */
export function placeOf(pathname) {
  const path = pathname.replace(/\/+$/, "") || "/";
  const [, id] = /^\/chat\/([^/]+)$/.exec(path) ?? [];
  return id ? { name: "chat", id } : (PLACES[path] ?? OUTSIDE);
}

/**
 * Return the page to draw. What is loaded for an address whose page was not built, as that of every
 * conversation, is a page without anything (`isSpaMode`), and React must find it so.
 * @param {{ pathname: string }} address
 * @param {{ isSpaMode: boolean } | undefined} build
 * @param {Navigate} navigate
 * @returns {Place}
 */
export function usePlace({ pathname }, build, navigate) {
  const isOpen = useSyncExternalStore(
    () => () => undefined,
    () => true,
    () => false,
  );
  useEffect(() => moveFocus(pathname), [pathname]);
  useEffect(() => void (router = navigate), [navigate]);
  return isOpen || !build?.isSpaMode ? placeOf(pathname) : OUTSIDE;
}

/**
 * Open a page of the chat.
 * @param {string} path
 */
export function openPage(path) {
  if (router) void router(path);
  else location.assign(path);
}
