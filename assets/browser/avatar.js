// Avatars of people and groups: their initials, and over them the picture once it is loaded. One that cannot be
// loaded leaves the initials.

/** @import { ReactNode } from "react" */

import { createElement } from "react";

/** The face of somebody; `picture` is the path of the picture. @typedef {{ letters: string, tone: string, picture?: string }} Face */

/**
 * Return the picture of an avatar as a child for React.
 * @param {string | undefined} path
 * @returns {ReactNode}
 */
export function avatarPicture(path) {
  if (!path) return null;
  // Another picture is another element: that it is loaded is not true of the next one.
  return createElement("img", { key: path, ...propertiesOf(path), ref: showLoaded, onLoad });
}

/**
 * Make the avatar of somebody, whose name stands beside it.
 * @param {Face} face
 */
export function faceOf({ letters, tone, picture }) {
  const face = document.createElement("span");
  face.className = `avatar ${tone}`;
  face.setAttribute("aria-hidden", "true");
  face.textContent = letters;
  if (picture) {
    const image = document.createElement("img");
    image.addEventListener("load", () => showLoaded(image));
    face.append(Object.assign(image, propertiesOf(picture)));
    showLoaded(image);
  }
  return face;
}

/** @param {string} path */
const propertiesOf = (path) => ({
  // Before the address, which begins to load.
  loading: /** @type {const} */ ("lazy"),
  draggable: false,
  alt: "",
  src: (globalThis.chatServer ?? "") + path,
});

/** @param {{ currentTarget: HTMLImageElement }} event */
const onLoad = ({ currentTarget }) => showLoaded(currentTarget);

/** @param {HTMLImageElement | null} image */
function showLoaded(image) {
  // The browser may have had it: then it is there at once, without a flash of the initials.
  if (image?.complete && image.naturalWidth) image.setAttribute("data-loaded", "");
}
