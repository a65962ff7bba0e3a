// What can be done at one place of the map: opened by a right press, a long touch or the key M.

import { el, get } from "./dom.js";

/** @typedef {{title: string, run: () => void}} Entry */

/**
 * Open the menu.
 * @param {number} sx @param {number} sy  pixels of the map @param {Entry[]} entries
 */
export function openMenu(sx, sy, entries) {
  const menu = get("menu"),
    map = get("map");
  const close = () => {
    menu.hidden = true;
    document.removeEventListener("pointerdown", outside, true);
    map.focus({ preventScroll: true });
  };
  const outside = (/** @type {Event} */ event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) close();
  };
  const items = entries.map(({ title, run }) =>
    el(
      "button",
      {
        type: "button",
        role: "menuitem",
        tabindex: "-1",
        onclick: () => {
          close();
          run();
        },
      },
      title,
    ),
  );
  menu.replaceChildren(...items);
  menu.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const at = items.indexOf(document.activeElement),
      step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(at + step + items.length) % items.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  menu.hidden = false;
  const box = map.getBoundingClientRect();
  const left = Math.min(sx, box.width - menu.offsetWidth - 8),
    top = Math.min(sy, box.height - menu.offsetHeight - 8);
  menu.style.transform = `translate(${Math.round(Math.max(8, left))}px, ${Math.round(Math.max(8, top))}px)`;
  items[0]?.focus({ preventScroll: true });
  document.addEventListener("pointerdown", outside, true);
}
