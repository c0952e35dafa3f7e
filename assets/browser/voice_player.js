// <chat-voice file src size duration>: plays a voice message: one button, its wave form, which also moves to a place, and its
// time. What a browser recorded names no length: it is known once it is decoded. It is loaded with the first
// voice message that is shown.

import { blobOf } from "./attached_files.js";
import { lengthText } from "./file_words.js";
import { request } from "./request.js";
import { textOf } from "./sheet.js";
import { levelsOf } from "./wave.js";
import { say } from "./texts.js";

const BARS = 40;
const HEIGHT = 28;
const RATE = 8_000; // Hz: enough for a drawing
// Four minutes as the chat records them. Whatever is called a voice message is decoded as a whole, and a few
// megabytes may be hours of silence.
const MOST = 2 ** 20;
const LONGEST = 600; // s
const PATIENCE = 15_000;

/** The player that plays: one at a time. @type {HTMLAudioElement | undefined} */
let playing;

class ChatVoice extends (globalThis.HTMLElement ?? class {}) {
  #audio = new Audio();
  #button = document.createElement("button");
  #icon = textOf("span", "", "icon icon-play");
  #bars = drawing("path");
  #played = drawing("path");
  #place = document.createElement("input");
  #time = textOf("span", "", "voice-time");
  /** @type {number[]} */
  #levels = [];
  #length = 0;
  /** @type {IntersectionObserver | undefined} */
  #seen;

  connectedCallback() {
    if (!this.#button.isConnected) this.#build();
    this.#audio.preload = "none";
    this.#length = Number(this.getAttribute("duration")) || 0;
    this.#show();
    // Only those that are looked at are loaded.
    const isSmall = Number(this.getAttribute("size")) <= MOST && this.#length <= LONGEST;
    this.#seen = new IntersectionObserver(([entry]) => entry.isIntersecting && void this.#decode());
    if (isSmall) this.#seen.observe(this);
  }

  disconnectedCallback() {
    this.#audio.pause();
    this.#seen?.disconnect();
  }

  #build() {
    this.role = "group";
    this.ariaLabel = say("Voice message");
    Object.assign(this.#button, { type: "button", className: "icon-button voice-button" });
    this.#icon.ariaHidden = "true";
    this.#button.append(this.#icon);
    Object.assign(this.#place, { type: "range", min: "0", max: "1000", value: "0", ariaLabel: say("Place#in a recording"), className: "voice-place" });
    const lines = drawing("svg", { viewBox: `0 0 ${BARS} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    lines.append(this.#bars, this.#played);
    const wave = textOf("span", "", "voice-wave");
    wave.append(lines, this.#place);
    this.append(this.#button, wave, this.#time);
    this.#button.addEventListener("click", () => this.#turn());
    this.#place.addEventListener("input", () => this.#seek());
    this.#audio.addEventListener("durationchange", () => {
      if (!this.#length && Number.isFinite(this.#audio.duration)) this.#length = this.#audio.duration;
    });
    for (const type of ["play", "pause", "ended", "timeupdate", "error"]) this.#audio.addEventListener(type, () => this.#show());
  }

  #turn() {
    const audio = this.#audio;
    if (!audio.paused) {
      audio.pause();
      return;
    }
    if (playing !== audio) playing?.pause();
    playing = audio;
    this.#load();
    void audio.play().catch(() => this.#show());
  }

  #load() {
    const src = this.getAttribute("src") ?? "";
    if (this.#audio.getAttribute("src") !== src || this.#audio.error) this.#audio.src = src;
  }

  #seek() {
    this.#load();
    this.#audio.currentTime = (Number(this.#place.value) / 1000) * this.#length;
    this.#show();
  }

  async #decode() {
    this.#seen?.disconnect();
    if (this.#levels.length) return;
    try {
      const bytes = await this.#bytes();
      const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
      this.#length = sound.duration;
      this.#levels = levelsOf(sound.getChannelData(0), BARS);
      this.#show();
    } catch {
      // It is played without a drawing.
    }
  }

  async #bytes() {
    const own = blobOf(this.getAttribute("file") ?? "");
    if (own) return own.arrayBuffer();
    const path = new URL(this.getAttribute("src") ?? "", location.href).pathname;
    const reply = await request(path, { signal: AbortSignal.timeout?.(PATIENCE) });
    if (!reply.ok) throw new Error(say("The file is not there."));
    return reply.arrayBuffer();
  }

  #show() {
    const { paused, currentTime, error, ended } = this.#audio;
    const at = ended ? 0 : currentTime;
    const label = paused ? say("Play") : say("Pause");
    Object.assign(this.#button, { ariaLabel: label, title: label });
    this.#icon.className = `icon icon-${paused ? "play" : "pause"}`;
    this.#time.textContent = error ? say("It cannot be played.") : lengthText(paused && !at ? this.#length : at);
    this.#place.value = String(this.#length ? Math.round((1000 * at) / this.#length) : 0);
    this.#place.disabled = !this.#length;
    this.#place.setAttribute("aria-valuetext", say("{at} of {all}", { at: lengthText(at), all: lengthText(this.#length) }));
    this.#draw(this.#length ? at / this.#length : 0);
  }

  /** @param {number} part that was played */
  #draw(part) {
    const bars = Array.from({ length: BARS }, (_, at) => barOf(at, this.#levels[at] ?? 0));
    this.#bars.setAttribute("d", bars.join(""));
    this.#played.setAttribute("d", bars.slice(0, Math.round(part * BARS)).join(""));
  }
}

/**
 * Return a bar of the wave form as a part of a path.
 * @param {number} at
 * @param {number} level
 */
function barOf(at, level) {
  const half = Math.max(1, (level * HEIGHT) / 2);
  return `M${at + 0.5} ${HEIGHT / 2 - half}V${HEIGHT / 2 + half}`;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 */
function drawing(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

globalThis.customElements?.define("chat-voice", ChatVoice);
