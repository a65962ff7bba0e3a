// Search by name, and by a picture that is chosen, dropped on the page or pasted.

import { busy, complain, get } from "./dom.js";

const REST = 250; // ms after the last letter

/** @param {import("./chosen.js").Chosen} chosen */
export function search(chosen) {
  const form = get("search"),
    text = get("search-text"),
    button = get("picture-button"),
    file = get("picture-file"),
    sign = get("drop-here");
  let timer = 0,
    depth = 0;
  /** @type {AbortController | null} */
  let asking = null;
  const ask = () => {
    clearTimeout(timer);
    asking?.abort();
    const words = text.value.trim();
    if (!words) return void (chosen.found && chosen.clear());
    asking = new AbortController();
    chosen.search(words, asking.signal).catch(complain);
  };
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, REST);
  });
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    ask();
  });
  const drop = (/** @type {File | null | undefined} */ picture) => {
    if (!picture) return;
    text.value = "";
    void busy(button, () => chosen.drop(picture));
  };
  button.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    drop(file.files?.[0]);
    file.value = "";
  });
  const holds = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const cover = (/** @type {number} */ by) => {
    depth = Math.max(0, depth + by);
    sign.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => {
    if (holds(event)) cover(1);
  });
  addEventListener("dragleave", (event) => {
    if (holds(event)) cover(-1);
  });
  addEventListener("dragover", (event) => {
    if (holds(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    cover(-depth);
    drop(event.dataTransfer?.files[0]);
  });
  addEventListener("paste", (event) => {
    const picture = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (picture) drop(picture);
  });
}
