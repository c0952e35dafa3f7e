// How a picture moves under fingers, keys and the wheel. All functions here are pure.

const MOST = 8;
const FAR = 48; // px of a swipe

/** A picture's place: moved from the middle, and enlarged. @typedef {{ scale: number, x: number, y: number }} View */
/** @typedef {{ width: number, height: number, imageWidth: number, imageHeight: number }} Room */
/** @typedef {{ x: number, y: number }} Point */

/**
 * Return a view that is enlarged around a point, the middle by default; it never leaves the picture.
 * @param {View} view
 * @param {number} by a factor, 0 for the whole picture
 * @param {Room} room
 * @param {Point} [point] from the middle of the room
 * @returns {View}
 */
export function zoomed({ scale, x, y }, by, room, point = { x: 0, y: 0 }) {
  const next = by ? Math.min(MOST, Math.max(1, scale * by)) : 1;
  const grown = next / scale;
  const moved = { x: point.x - (point.x - x) * grown, y: point.y - (point.y - y) * grown };
  const most = { x: Math.max(0, (room.imageWidth * next - room.width) / 2), y: Math.max(0, (room.imageHeight * next - room.height) / 2) };
  return { scale: next, x: within(moved.x, most.x), y: within(moved.y, most.y) };
}

/**
 * Return how far two fingers are apart, 0 where there are not two.
 * @param {Point[]} points
 */
export const distance = (points) => (points.length === 2 ? Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) : 0);

/**
 * Return where a finger went: to the left, to the right, down, or nowhere.
 * @param {Point} way
 * @returns {"left" | "right" | "down" | ""}
 */
export function swipeOf({ x, y }) {
  if (Math.abs(x) >= FAR && Math.abs(x) > 1.5 * Math.abs(y)) return x < 0 ? "left" : "right";
  return y >= 2 * FAR && y > 1.5 * Math.abs(x) ? "down" : "";
}

/**
 * @param {number} value
 * @param {number} most
 */
const within = (value, most) => Math.min(most, Math.max(-most, value)) || 0;
