// The way of every call to the chat's server. It is where the page comes from, unless the page
// is on a static host, whose `server.js` then names it: the cookie has to be asked for there.

export function request(path, options) {
  const server = globalThis.chatServer;
  return server ? fetch(server + path, { ...options, credentials: "include" }) : fetch(path, options);
}
