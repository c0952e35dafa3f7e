"""Scripts that measure in a page how soon it answers what a person does.

Each looks at the page before a frame is drawn: what is there then is on the screen in that frame.
"""

# Messages with Enter: frames until each is drawn, ms until then, and ms until it is stored.
SENDING = """
window.took = [];
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const text = event.target.value;
  let frames = 0, shown;
  const look = (frame) => {
    const now = Math.max(0, frame - event.timeStamp);
    const article = [...document.querySelectorAll("[role=log] article")]
      .findLast((one) => one.textContent.includes(text));
    if (shown === undefined) {
      frames += 1;
      if (article) shown = now;
    }
    const status = "[aria-label=Sent], [aria-label=Delivered], [aria-label=Read]";
    if (article?.querySelector(status)) {
      window.took.push([frames, shown, now]);
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}, true);
"""

# Keys in the box: ms of the page's own work, from the key to the drawn frame, without the wait for
# that frame.
TYPING = """
window.took = [];
document.addEventListener("keydown", () => {
  const began = performance.now();
  let handled = began;
  addEventListener("input", () => (handled = performance.now()), { once: true });
  requestAnimationFrame(() => {
    const frame = performance.now();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.took.push(handled - began + performance.now() - frame);
    port2.postMessage(null);
  });
}, true);
"""

# Conversations opened from the list: ms from the click until rows of it are drawn.
OPENING = """
window.took = [];
document.addEventListener("click", (event) => {
  const id = event.target.closest("a.row")?.getAttribute("href").split("/").pop();
  if (!id) return;
  const rows = `chat-timeline[conversation-id="${id}"] [role=log] article`;
  const look = () => {
    if (!document.querySelector(rows)) return requestAnimationFrame(look);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.took.push(performance.now() - event.timeStamp);
    port2.postMessage(null);
  };
  requestAnimationFrame(look);
}, true);
"""

# A page that begins: ms from its navigation until rows of messages are drawn.
SHOWN = """
const look = () => {
  if (!document.querySelector("[role=log] article")) return requestAnimationFrame(look);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => (window.shownAfter = performance.now());
  port2.postMessage(null);
};
requestAnimationFrame(look);
"""

# Waits until so many were measured.
TOOK = """count => new Promise((resolve) => {
  const look = () => (window.took.length >= count ? resolve(window.took) : setTimeout(look, 20));
  look();
})"""

# Scrolls up until the page holds so many messages; more than 300 it never holds.
FILL = """async count => {
  const log = document.querySelector("[role=log]");
  while (log.querySelectorAll("article").length < count) {
    log.scrollTop = 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""
MOST_ROWS = 300
