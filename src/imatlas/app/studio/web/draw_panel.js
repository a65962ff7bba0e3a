// The panel Draw: what is wished for, the dials, the seed, the image at hand, and what was kept.

import * as api from "./api.js";
import { complain, el, number, pngUrl, say } from "./dom.js";
import { button, plain } from "./fields.js";
import { wishParts } from "./wishes.js";

/** @typedef {import("./state.js").Studio} Studio */
/** @typedef {import("./drawing.js").Drawing} Drawing */
/** @typedef {import("./look_panel.js").Acts} Acts */

/** @param {Studio} studio @param {HTMLElement} host @param {Acts} acts */
export function drawPanel(studio, host, acts) {
  const { drawing } = acts;
  const piece = el("div"),
    wishes = el("div"),
    kept = el("div");
  host.append(piece, wishes, kept);
  const showPiece = () => piece.replaceChildren(...pieceParts(drawing, acts));
  const showWishes = () => {
    if (wishes.contains(document.activeElement) && document.activeElement?.matches("input")) return; // not under the hand that turns it
    wishes.replaceChildren(...wishParts(studio, acts));
  };
  const showKept = () => void api.kept().then((list) => kept.replaceChildren(...keptParts(drawing, list, showKept)), complain);
  studio.on("pieces", showPiece);
  studio.on("settings", showWishes);
  studio.on("chosen", showWishes);
  studio.on("found", showWishes);
  studio.on("model", showWishes);
  studio.on("models", showWishes);
  studio.on("kept", showKept);
  showPiece();
  showWishes();
  studio.on("tab", (/** @type {string} */ tab) => {
    if (tab === "draw") showKept();
  });
  if (studio.seen.tab === "draw") showKept();
}

/** @param {Drawing} drawing @param {Acts} acts @returns {HTMLElement[]} the image at hand */
function pieceParts(drawing, acts) {
  const { piece } = drawing;
  if (!piece) {
    return [
      el("h2", {}, "Draw"),
      el(
        "p",
        { class: "soft" },
        "Choose the tool Draw and press a place on the map: a new image appears there. Or say below what you wish for, anywhere.",
      ),
    ];
  }
  if (!piece.png) return [el("figure", { class: "large waiting", "aria-busy": "true" }, el("figcaption", {}, "Being drawn"))];
  const url = pngUrl(piece.png);
  return [
    el(
      "figure",
      { class: "large" },
      el("img", { src: url, alt: `Drawn image, seed ${piece.seed}`, draggable: "false" }),
      el("figcaption", {}, `Seed ${piece.seed}${landing(piece)}`),
    ),
    el(
      "div",
      { class: "actions" },
      piece.kept
        ? el("button", { type: "button", disabled: true }, "Kept")
        : button("Keep", () => drawing.keep(piece), { "aria-keyshortcuts": "k" }),
      plain("Discard", () => drawing.discard(piece), { "aria-keyshortcuts": "x" }),
      plain("More like this", () => drawing.more(piece), { "aria-keyshortcuts": "n" }),
      plain("Path from here", () => acts.pathEnd("from", { picture: piece.png }, url)),
      plain("Path to here", () => acts.pathEnd("to", { picture: piece.png }, url)),
    ),
  ];
}

/** @param {import("./drawing.js").Piece} piece */
function landing({ asked, landed }) {
  if (!landed) return asked ? `, asked for at ${asked.map(number).join(", ")}` : "";
  if (!asked) return `, lies at ${landed.map(number).join(", ")}`;
  return `, asked for at ${asked.map(number).join(", ")} and lies at ${landed.map(number).join(", ")}`;
}

/** @param {Drawing} drawing @param {api.Kept[]} list @param {() => void} again @returns {HTMLElement[]} */
function keptParts(drawing, list, again) {
  if (!list.length) return [];
  const discard = async (/** @type {api.Kept} */ one) => {
    await api.discard(one.name);
    drawing.letGo(one.name);
    again();
    say(`${one.name} is no longer kept.`, { action: "Undo", run: () => api.restore(one.name).then(again, complain) });
  };
  return [
    el(
      "div",
      { class: "head" },
      el("h3", {}, `${number(list.length)} kept`),
      el("a", { href: "/api/kept.zip", download: "kept.zip" }, "Export all"),
    ),
    el(
      "ul",
      { class: "sheet" },
      ...list.map((one) =>
        el(
          "li",
          { class: "held" },
          el(
            "a",
            { class: "picture", href: one.url, download: one.name, title: `Save ${one.name}` },
            el("img", { src: one.url, alt: one.name, loading: "lazy" }),
          ),
          button("×", () => discard(one), { class: "icon corner", "aria-label": `Discard ${one.name}` }),
        ),
      ),
    ),
    el("p", { class: "soft small" }, "They lie in the atlas. Each PNG carries how it was made."),
  ];
}
