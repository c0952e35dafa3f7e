import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { filesText, kindOf, lengthText, sizeText, typeText } from "../../assets/browser/file_words.js";
import { distance, swipeOf, zoomed } from "../../assets/browser/picture_moves.js";
import { percentOf, progressText, TransferRate } from "../../assets/browser/transfer_rate.js";
import { sorted } from "../../assets/browser/tray.js";
import { sentName } from "../../assets/browser/upload.js";
import { levelsOf } from "../../assets/browser/wave.js";

const file = (/** @type {string} */ name, type = "", size = 1) => ({ name, type, size });

describe("a file in words", () => {
  test("its size has the unit that is easy to read", () => {
    assert.deepEqual([1, 999, 1024, 1536, 1_048_576, 26_214_400].map(sizeText), ["1 byte", "999 bytes", "1 KB", "1.5 KB", "1 MB", "25 MB"]);
  });

  test("its type is the end of its name", () => {
    assert.deepEqual([file("a.tar.gz"), file("Plan"), file(".env "), file("x", "image/png")].map(typeText), ["GZ", "File", "File", "Picture"]);
  });

  test("its kind follows from its type, that of a recording from its name", () => {
    const files = [file("a", "image/png"), file("a", "image/svg+xml"), file("a", "video/webm"), file("Voice message.webm", "video/webm")];
    assert.deepEqual(files.map(kindOf), ["picture", "file", "video", "voice"]);
    assert.equal(kindOf(file("Voice message.exe")), "file");
  });

  test("a message without words is named by what it has", () => {
    const picture = file("a.png", "image/png");
    assert.deepEqual(
      [[], [picture], [picture, picture], [picture, file("b")], [file("b.txt")], [file("c", "audio/mpeg")]].map(filesText),
      ["", "Photo", "2 photos", "2 files", "File: b.txt", "Audio: c"],
    );
  });

  test("a length has minutes and seconds", () => assert.deepEqual([0, 9.6, 65, 3600].map(lengthText), ["0:00", "0:10", "1:05", "60:00"]));
});

describe("the progress of an upload", () => {
  test("its speed is that of the last seconds", () => {
    const rate = new TransferRate();
    assert.equal(rate.speed, 0);
    for (let second = 0; second <= 20; second++) rate.note(second < 10 ? second * 100 : 1000 + (second - 10) * 1000, second * 1000);
    assert.equal(Math.round(rate.speed), 1000);
  });

  test("it has its part, speed and rest in words", () => {
    assert.equal(progressText({ sent: 5 * 1024 ** 2, size: 10 * 1024 ** 2, speed: 512 * 1024 }), "50 %, 512 KB a second, 10 seconds left");
    assert.equal(progressText({ sent: 0, size: 10 * 1024 ** 2, speed: 102_400 }), "0 %, 100 KB a second, 2 minutes left");
    assert.equal(progressText({ sent: 10, size: 10, speed: 5 }), "100 %");
    assert.equal(progressText({ sent: 0, size: 10, speed: 0 }), "0 %");
  });

  test("no part is more than all", () => assert.deepEqual([percentOf(5, 0), percentOf(9, 8), percentOf(199, 200)], [0, 100, 99]));
});

describe("a picture that is looked at", () => {
  const room = { width: 400, height: 400, imageWidth: 400, imageHeight: 200 };

  test("it is enlarged around a point, and never leaves the screen", () => {
    assert.deepEqual(zoomed({ scale: 1, x: 0, y: 0 }, 2, room), { scale: 2, x: 0, y: 0 });
    assert.deepEqual(zoomed({ scale: 1, x: 0, y: 0 }, 2, room, { x: 100, y: 100 }), { scale: 2, x: -100, y: 0 });
    assert.deepEqual(zoomed({ scale: 2, x: 900, y: 900 }, 1, room), { scale: 2, x: 200, y: 0 });
    assert.deepEqual(zoomed({ scale: 2, x: 90, y: 0 }, 0, room), { scale: 1, x: 0, y: 0 });
    assert.equal(zoomed({ scale: 8, x: 0, y: 0 }, 2, room).scale, 8);
  });

  test("a swipe has a direction, and a small move has none", () => {
    const ways = [{ x: -60, y: 5 }, { x: 60, y: 5 }, { x: 5, y: 120 }, { x: 20, y: 0 }, { x: 60, y: 60 }];
    assert.deepEqual(ways.map(swipeOf), ["left", "right", "down", "", ""]);
  });

  test("two fingers have a distance", () => {
    assert.equal(distance([{ x: 0, y: 0 }, { x: 3, y: 4 }]), 5);
    assert.equal(distance([{ x: 0, y: 0 }]), 0);
  });
});

describe("the name of an upload", () => {
  test("it is whole, and has one where the file has none", () => {
    const name = `${"a".repeat(199)}🚀.png`;
    assert.deepEqual([sentName(name), sentName("")], [name, "file"]);
  });

  test("of a name that fits into no header it is the end, with every character whole", () => {
    assert.equal(sentName("🚀".repeat(1_200) + ".png"), "🚀".repeat(996) + ".png");
  });
});

test("a wave form has bars as high as a sound is loud, and silence has none", () => {
  assert.deepEqual(levelsOf([0.5, -0.5, 0.25, -0.25, 0, 0], 3), [1, 0.5, 0]);
  assert.deepEqual(levelsOf([0.0001, 0.0001], 2), [0, 0]);
  assert.equal(levelsOf([1], 40).length, 40);
});

describe("files that are chosen", () => {
  const chosen = (/** @type {string} */ name, size = 1) => ({ id: name, name, type: "", size, blob: new Blob() });

  test("those that cannot be sent are named with their reasons", () => {
    const { fitting, problem } = sorted([chosen("a"), chosen("none", 0), chosen("film", 2048)], 0, 1024);
    assert.deepEqual(fitting.map(({ name }) => name), ["a"]);
    assert.match(problem, /“none” is empty/);
    assert.match(problem, /“film” is too large: a file may have 1 KB, and it has 2 KB/);
  });

  test("a message has ten of them", () => {
    const { fitting, problem } = sorted([chosen("a"), chosen("b"), chosen("c")], 8, 0);
    assert.deepEqual(fitting.map(({ name }) => name), ["a", "b"]);
    assert.match(problem, /up to 10 files: 1 was left out/);
  });
});
