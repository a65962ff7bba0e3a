// Frames beside frames: played, stepped through, laid out as strips, and saved as a moving picture.

import * as api from "./api.js";
import { busy, calm, download, el, pngUrl } from "./dom.js";

const FRAME = 90; // ms

/** @typedef {{title: string, says: string, frames: string[]}} Strip  frames: PNG in base64 */

/**
 * Give the parts of a player.
 * @param {Strip[]} strips  all of one length
 * @param {{onframe: (frame: number) => void, keep: ((png: string) => Promise<void>) | null}} how
 * @returns {{parts: HTMLElement[], stop: () => void, toggle: () => void}}
 */
export function player(strips, { onframe, keep }) {
  const last = strips[0].frames.length - 1;
  let frame = 0,
    step = 1,
    timer = 0;
  const screens = strips.map((strip) => el("img", { alt: `${strip.title}: the frame that is played`, draggable: "false" }));
  const slider = el("input", {
    type: "range",
    min: 0,
    max: last,
    step: 1,
    value: 0,
    "aria-label": "Frame",
    oninput: () => {
      stop();
      show(Number(slider.value));
    },
  });
  const play = el("button", { type: "button", onclick: () => toggle(), "aria-keyshortcuts": "p" }, "Play");
  const buttons = strips.map((strip) =>
    strip.frames.map((png, i) =>
      el(
        "button",
        {
          type: "button",
          class: "picture",
          "aria-label": `${strip.title}, frame ${i + 1}`,
          onclick: () => {
            stop();
            show(i);
          },
        },
        el("img", { src: pngUrl(png), alt: "", draggable: "false" }),
      ),
    ),
  );
  const show = (/** @type {number} */ to) => {
    frame = to;
    slider.value = String(frame);
    screens.forEach((screen, i) => {
      screen.src = pngUrl(strips[i].frames[frame]);
    });
    for (const row of buttons) row.forEach((button, i) => button.setAttribute("aria-pressed", String(i === frame)));
    onframe(frame);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  };
  const toggle = () => {
    if (timer) return stop();
    play.textContent = "Pause";
    timer = setInterval(() => {
      // to the end and back, without a jump
      if (!slider.isConnected) return stop();
      if (frame + step < 0 || frame + step > last) step = -step;
      show(Math.min(last, Math.max(0, frame + step)));
    }, FRAME);
  };
  const save = (/** @type {"webp" | "gif"} */ format) =>
    el(
      "button",
      {
        type: "button",
        class: "plain",
        onclick: (/** @type {any} */ event) =>
          busy(event.currentTarget, async () => {
            const there = strips[0].frames,
              frames = [...there, ...there.slice(1, -1).reverse()];
            const url = URL.createObjectURL(await api.animation({ frames, format, seconds: (frames.length * FRAME) / 1000 }));
            download(url, `morph.${format}`);
            setTimeout(() => URL.revokeObjectURL(url), 60_000);
          }),
      },
      format === "webp" ? "Save WebP" : "Save GIF",
    );
  show(0);
  if (!calm() && last > 0) toggle();
  return {
    parts: [
      el(
        "div",
        { class: "screens" },
        ...strips.map((strip, i) =>
          el("figure", {}, screens[i], el("figcaption", {}, el("b", {}, strip.title), strip.says ? ` ${strip.says}` : "")),
        ),
      ),
      el("div", { class: "row player" }, play, slider),
      ...strips.map((strip, i) => el("div", { class: "strip", role: "group", "aria-label": strip.title }, ...buttons[i])),
      el(
        "div",
        { class: "actions" },
        save("webp"),
        save("gif"),
        keep
          ? el(
              "button",
              {
                type: "button",
                class: "plain",
                onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => keep(strips[0].frames[frame])),
              },
              "Keep this frame",
            )
          : null,
      ),
    ],
    stop,
    toggle,
  };
}
