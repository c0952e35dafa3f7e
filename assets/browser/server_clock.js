// The clock of the server, by which it judges times. That of a device may be wrong by minutes, or be set while the
// page is open: what has passed since the server told its time is taken from a clock that nobody sets.

/** @type {{ time: number, at: number } | undefined} */
let told;

/**
 * Note the time of the server, which it tells whenever the link opens.
 * @param {number} time ms since 1970
 */
export function noteServerTime(time) {
  told = { time, at: performance.now() };
}

/** Return the time of the server; that of the device before the server has told it. */
export const serverNow = () => new Date(told ? told.time + performance.now() - told.at : Date.now());
