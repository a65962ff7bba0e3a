// The panels beside the map, one open at a time.

import { el, get } from "./dom.js";
import { TABS } from "./hash.js";

const TITLES = /** @type {Record<string, string>} */ ({
  look: "Look",
  draw: "Draw",
  paths: "Paths",
  care: "Care",
  train: "Train",
});

/**
 * @param {import("./state.js").Studio} studio
 * @returns {(name: string) => HTMLElement} the panel of that name
 */
export function tabs(studio) {
  const list = get("tabs"),
    host = get("panels");
  const buttons = TABS.map((name, i) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `panel-${name}`,
        "aria-keyshortcuts": String(i + 1),
        onclick: () => studio.set({ tab: name }),
      },
      TITLES[name],
    ),
  );
  const panels = TABS.map((name) =>
    el("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "-1" }),
  );
  const show = () =>
    TABS.forEach((name, i) => {
      const on = name === studio.seen.tab;
      buttons[i].setAttribute("aria-selected", String(on));
      buttons[i].tabIndex = on ? 0 : -1;
      panels[i].hidden = !on;
    });
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      at = buttons.indexOf(document.activeElement);
    if (!step || at < 0) return;
    const to = (at + step + TABS.length) % TABS.length;
    studio.set({ tab: TABS[to] });
    buttons[to].focus();
    event.preventDefault();
  });
  list.append(...buttons);
  host.append(...panels);
  studio.on("tab", show);
  show();
  return (name) => panels[TABS.indexOf(name)];
}
