// Calls to the chat's HTTP API.

/**
 * The body of a refused request (RFC 9457).
 * @typedef {{ code?: string, detail?: string, errors?: { field: string, message: string }[] }} Problem
 */

/**
 * Send a request to the chat's server. The server is the origin of the page, unless `server.js` of a
 * static host names another one; cookies are sent to another origin only if that is asked for.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export function request(path, options) {
  const server = globalThis.chatServer;
  return server ? fetch(server + path, { ...options, credentials: "include" }) : fetch(path, options);
}

/**
 * Return why a request was refused; without any detail, if its body is not JSON.
 * @param {Response} reply
 */
export async function readProblem(reply) {
  /** @type {unknown} */
  const body = await reply.json().catch(() => ({}));
  return /** @type {Problem} */ (body);
}
