// <chat-upload file name>: the progress of an upload, as a ring on the file itself; its speed and what remains
// are text for screen readers. It is loaded when something is uploaded.

import { percentOf, progressText, TransferRate } from "./transfer_rate.js";
import { say } from "./texts.js";

const RING = 100; // the length of the ring in the drawing
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {{ sent: number, size: number, rate: TransferRate }} Progress */

/** @type {Map<string, Progress>} */
const running = new Map();
const changes = new EventTarget();

/**
 * Note how far the upload of a file is.
 * @param {string} id
 * @param {number} sent
 * @param {number} size
 */
export function report(id, sent, size) {
  const progress = running.get(id) ?? { sent, size, rate: new TransferRate() };
  progress.rate.note(sent, performance.now());
  running.set(id, Object.assign(progress, { sent, size }));
  changes.dispatchEvent(new Event(id));
}

/**
 * Note that nothing of a file is being sent: it is done, or it waits for the chat.
 * @param {string} id
 */
export function endReport(id) {
  running.delete(id);
  changes.dispatchEvent(new Event(id));
}

class ChatUpload extends (globalThis.HTMLElement ?? class {}) {
  #file = "";
  /** @type {SVGCircleElement | undefined} */
  #arc;

  connectedCallback() {
    this.#file = this.getAttribute("file") ?? "";
    this.role = "progressbar";
    this.ariaValueMin = "0";
    this.ariaValueMax = "100";
    if (!this.#arc) this.#draw();
    changes.addEventListener(this.#file, this);
    this.handleEvent();
  }

  disconnectedCallback() {
    changes.removeEventListener(this.#file, this);
  }

  handleEvent() {
    const progress = running.get(this.#file);
    this.toggleAttribute("data-waits", !progress);
    if (!progress) {
      this.ariaValueText = say("Waiting");
      return;
    }
    const { sent, size, rate } = progress;
    const percent = percentOf(sent, size);
    this.#arc?.setAttribute("stroke-dashoffset", String(RING - percent));
    this.ariaValueNow = String(percent);
    this.ariaValueText = progressText({ sent, size, speed: rate.speed });
    this.title = this.ariaValueText;
  }

  #draw() {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 40 40");
    drawing.setAttribute("aria-hidden", "true");
    const circles = ["ring-track", "ring-arc"].map((name) => {
      const circle = document.createElementNS(SVG, "circle");
      const shape = { class: name, cx: "20", cy: "20", r: "17", pathLength: String(RING), "stroke-dasharray": String(RING) };
      for (const [key, value] of Object.entries(shape)) circle.setAttribute(key, value);
      return circle;
    });
    this.#arc = circles[1];
    this.#arc.setAttribute("stroke-dashoffset", String(RING));
    drawing.append(...circles);
    this.append(drawing);
  }
}

globalThis.customElements?.define("chat-upload", ChatUpload);
