// Keys that work anywhere on the page, unless something is being typed.

import { busy, complain, get } from "./dom.js";
import { TABS } from "./hash.js";
import { openHelp } from "./help.js";

/**
 * @param {import("./state.js").Studio} studio
 * @param {{view: import("./view.js").View, hands: import("./hands.js").Hands, chosen: import("./chosen.js").Chosen,
 *   drawing: import("./drawing.js").Drawing, paths: import("./path_panel.js").PathPanel, edits: import("./edits.js").Edits}} parts
 */
export function keys(studio, { view, hands, chosen, drawing, paths, edits }) {
  const piece = (/** @type {(piece: import("./drawing.js").Piece) => Promise<void>} */ act) => {
    if (drawing.piece?.png) act(drawing.piece).catch(complain);
  };
  /** @type {Record<string, () => void>} */
  const acts = {
    v: () => hands.tool("look"),
    d: () => hands.tool("draw"),
    l: () => hands.tool("line"),
    s: () => hands.tool("lasso"),
    "+": () => view.zoomSmoothly(1.8),
    "=": () => view.zoomSmoothly(1.8),
    "-": () => view.zoomSmoothly(1 / 1.8),
    0: () => view.fit(),
    k: () => piece((one) => drawing.keep(one)),
    x: () => piece((one) => drawing.discard(one)),
    n: () => piece((one) => drawing.more(one)),
    "[": () => drawing.step(-1),
    "]": () => drawing.step(1),
    r: () => void busy(null, () => drawing.draw()),
    p: () => paths.playing?.toggle(),
    u: () => {
      if (edits.now?.can_undo) edits.undo().catch(complain);
    },
    "/": () => get("search-text").focus(),
    "?": openHelp,
    Escape: () => {
      hands.tool(studio.seen.tool);
      paths.clear();
      chosen.clear();
      studio.set({ lit: null });
    },
  };
  TABS.forEach((tab, i) => {
    acts[String(i + 1)] = () => {
      studio.set({ tab });
      get(`tab-${tab}`).focus();
    };
  });
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (
      target.matches("input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea") &&
      event.key !== "Escape"
    )
      return;
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    if (event.key === "Escape" && target.matches("input")) target.blur();
    else act();
  });
}
