// The drawn images: pinned to the map where they were asked for, and in a row below it.

import { complain, el, get, pngUrl } from "./dom.js";

/** @typedef {import("./drawing.js").Piece} Piece */

/** @param {Piece} piece @returns {string} as a screen reader says it */
const words = (piece) =>
  piece.png ? `Drawn image, seed ${piece.seed}${piece.kept ? ", kept" : ""}` : "An image is being drawn";

/**
 * @param {import("./state.js").Studio} studio @param {import("./drawing.js").Drawing} drawing @param {import("./view.js").View} view
 */
export function tray(studio, drawing, view) {
  const host = get("tray"),
    pins = get("pins"),
    list = el("ul", { class: "tray-row", "aria-label": "Drawn images" });
  const heading = el("h2", { class: "tray-name" });
  const keepAll = el(
    "button",
    { type: "button", class: "small", onclick: () => keepEvery(drawing).catch(complain) },
    "Keep all",
  );
  const clear = el("button", { type: "button", class: "small", onclick: () => drawing.clear() }, "Clear");
  host.append(el("div", { class: "tray-head" }, heading, el("div", {}, keepAll, clear)), list);

  const open = (/** @type {Piece} */ piece) => {
    drawing.activate(piece.key);
    studio.set({ tab: "draw" });
  };
  const show = () => {
    host.hidden = drawing.pieces.length === 0;
    host.parentElement?.classList.toggle("with-tray", !host.hidden);
    heading.textContent = `${drawing.pieces.length} drawn`;
    keepAll.disabled = drawing.pieces.every((piece) => piece.kept || !piece.png);
    clear.disabled = drawing.pieces.every((piece) => piece.kept);
    const { asked, landed } = drawing.piece ?? {};
    view.marks.link = asked && landed ? [asked, landed] : null;
    view.redraw();
    fill(list, drawing, open);
    pin(pins, drawing, open);
    place(pins, drawing, view);
    list.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  studio.on("pieces", show);
  view.onframe(() => place(pins, drawing, view));
  show();
}

/** @param {import("./drawing.js").Drawing} drawing */
async function keepEvery(drawing) {
  for (const piece of drawing.pieces) await drawing.keep(piece);
}

/** @param {HTMLElement} list @param {import("./drawing.js").Drawing} drawing @param {(piece: Piece) => void} open */
function fill(list, drawing, open) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".tray-row button"))?.dataset.key;
  list.replaceChildren(
    ...drawing.pieces.map((piece) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: piece.kept ? "picture kept" : "picture",
            "aria-label": words(piece),
            "data-key": piece.key,
            "aria-pressed": piece.key === drawing.active ? "true" : "false",
            "aria-busy": piece.png ? null : "true",
            onclick: () => open(piece),
          },
          piece.png ? el("img", { src: pngUrl(piece.png), alt: "", draggable: "false" }) : null,
        ),
      ),
    ),
  );
  if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${focused}"]`))?.focus();
}

/** @param {HTMLElement} pins @param {import("./drawing.js").Drawing} drawing @param {(piece: Piece) => void} open */
function pin(pins, drawing, open) {
  const placed = drawing.pieces.filter((piece) => piece.asked || piece.landed);
  pins.replaceChildren(
    ...placed.map((piece) =>
      el(
        "button",
        {
          type: "button",
          tabindex: "-1",
          "aria-label": words(piece),
          "data-key": piece.key,
          onclick: () => open(piece),
          class: [
            "pin",
            piece.png ? "" : "waiting",
            piece.key === drawing.active ? "active" : "",
            piece.kept ? "kept" : "",
          ].join(" "),
        },
        piece.png ? el("img", { src: pngUrl(piece.png), alt: "", draggable: "false" }) : null,
      ),
    ),
  );
}

/** @param {HTMLElement} pins @param {import("./drawing.js").Drawing} drawing @param {import("./view.js").View} view */
function place(pins, drawing, view) {
  let i = 0;
  for (const piece of drawing.pieces) {
    const at = piece.asked ?? piece.landed;
    if (!at) continue;
    const [x, y] = view.at(...at),
      button = /** @type {HTMLElement | undefined} */ (pins.children[i++]);
    if (!button) return;
    button.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    button.hidden = x < -40 || y < -40 || x > view.size.width + 40 || y > view.size.height + 40;
  }
}
