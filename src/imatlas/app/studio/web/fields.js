// Parts of forms: a field with its name, a choice, a box to check, a button that shows that its work is under way.

import { busy, el } from "./dom.js";

/** @param {string} title @param {HTMLElement} field @returns {HTMLElement} */
export function labelled(title, field) {
  return el("label", { class: "field" }, el("span", {}, title), field);
}

/** @param {string[][]} options  key and text of each @param {string} value @param {(value: string) => void} change @returns {HTMLSelectElement} */
export function choice(options, value, change) {
  const entries = options.map(([key, text]) => el("option", { value: key }, text));
  const select = el("select", { onchange: () => change(select.value) }, ...entries);
  select.value = value;
  return select;
}

/** @param {string} text @param {boolean} on @param {(on: boolean) => void} change @returns {HTMLElement} */
export function check(text, on, change) {
  const box = el("input", { type: "checkbox", checked: on, onchange: () => change(box.checked) });
  return el("label", { class: "check" }, box, el("span", {}, text));
}

/**
 * Give a button; a refusal of what it does is shown.
 * @param {string} text @param {() => unknown} run @param {Record<string, any>} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(text, run, properties = {}) {
  const press = (/** @type {{currentTarget: HTMLButtonElement}} */ event) =>
    busy(event.currentTarget, async () => void (await run()));
  return el("button", { type: "button", ...properties, onclick: press }, text);
}

/** @param {string} text @param {() => unknown} run @param {Record<string, any>} [properties] */
export const plain = (text, run, properties = {}) => button(text, run, { class: "plain", ...properties });

/** @param {string} text @param {() => unknown} run @param {Record<string, any>} [properties] */
export const small = (text, run, properties = {}) => button(text, run, { class: "small", ...properties });
