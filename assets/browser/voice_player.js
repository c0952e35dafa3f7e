// <chat-voice file src size duration>: plays a voice message: one button, its wave form, which also moves to a place, and its
// time. What a browser recorded names no length: it is known once it is decoded. It is loaded with the first
// voice message that is shown.

import { blobOf } from "./attached_files.js";
import { lengthText } from "./file_words.js";
import { request } from "./request.js";
import { textOf } from "./sheet.js";
import { levelsOf } from "./wave.js";

const BARS = 40;
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
  #canvas = document.createElement("canvas");
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
    this.ariaLabel = "Voice message";
    Object.assign(this.#button, { type: "button", className: "icon-button voice-button" });
    this.#icon.ariaHidden = "true";
    this.#button.append(this.#icon);
    Object.assign(this.#place, { type: "range", min: "0", max: "1000", value: "0", ariaLabel: "Place", className: "voice-place" });
    this.#canvas.ariaHidden = "true";
    const wave = textOf("span", "", "voice-wave");
    wave.append(this.#canvas, this.#place);
    this.append(this.#button, wave, this.#time);
    this.#button.addEventListener("click", () => this.#turn());
    this.#place.addEventListener("input", () => this.#seek());
    this.#audio.addEventListener("durationchange", () => {
      if (!this.#length && Number.isFinite(this.#audio.duration)) this.#length = this.#audio.duration;
    });
    for (const type of ["play", "pause", "ended", "timeupdate", "error"]) this.#audio.addEventListener(type, () => this.#show());
    new ResizeObserver(() => this.#show()).observe(wave);
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
    if (!reply.ok) throw new Error("The file is not there.");
    return reply.arrayBuffer();
  }

  #show() {
    const { paused, currentTime, error, ended } = this.#audio;
    const at = ended ? 0 : currentTime;
    const label = paused ? "Play" : "Pause";
    Object.assign(this.#button, { ariaLabel: label, title: label });
    this.#icon.className = `icon icon-${paused ? "play" : "pause"}`;
    this.#time.textContent = error ? "It cannot be played." : lengthText(paused && !at ? this.#length : at);
    this.#place.value = String(this.#length ? Math.round((1000 * at) / this.#length) : 0);
    this.#place.disabled = !this.#length;
    this.#place.setAttribute("aria-valuetext", `${lengthText(at)} of ${lengthText(this.#length)}`);
    this.#draw(this.#length ? at / this.#length : 0);
  }

  /** @param {number} part that was played */
  #draw(part) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    Object.assign(this.#canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    const paper = this.#canvas.getContext("2d");
    if (!paper || !width) return;
    paper.scale(devicePixelRatio, devicePixelRatio);
    paper.fillStyle = getComputedStyle(this.#canvas).color;
    const step = width / BARS;
    for (let bar = 0; bar < BARS; bar++) {
      const size = Math.max(2, (this.#levels[bar] ?? 0) * height);
      paper.globalAlpha = bar / BARS < part ? 1 : 0.45;
      paper.fillRect(bar * step, (height - size) / 2, Math.max(1, step - 2), size);
    }
  }
}

globalThis.customElements?.define("chat-voice", ChatVoice);
