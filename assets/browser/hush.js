// Keeps screen readers from announcing old messages as new ones.

/** Browsers tell screen readers of a change after the next layout, which a slow phone does late. */
export const SETTLED = 500; // ms

/** @type {WeakMap<Element, ReturnType<typeof setTimeout>>} */
const ends = new WeakMap();

/**
 * Keep a live region silent for a time, counted anew by each call.
 * @param {Element} region
 * @param {number} time ms
 */
export function hush(region, time) {
  region.ariaBusy = "true";
  clearTimeout(ends.get(region));
  ends.set(
    region,
    setTimeout(() => (region.ariaBusy = null), time),
  );
}
