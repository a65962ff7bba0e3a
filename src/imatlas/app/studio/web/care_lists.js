// The lists of the panel Care: outliers, near-duplicates, what is excluded, what could not be read.

import * as api from "./api.js";
import { el, number, plural } from "./dom.js";
import { plain, small } from "./fields.js";

/** @typedef {import("./look_panel.js").Acts} Acts */

const MOST_SHOWN = 80;
const MOST_FILES = 500;

/** @param {Acts} acts @returns {Promise<HTMLElement[]>} */
export async function outliers(acts) {
  const found = await api.outliers();
  const says = `${plural(found.length, "image")} whose neighbors lie further off than theirs do; about 1 is ordinary.`;
  const groups = found.map(({ row, score }) => ({ rows: [row], says: `score ${number(score)}` }));
  return [
    said(found.length ? says : "No image stands out."),
    outs(
      found.map(({ row }) => row),
      acts,
    ),
    list(groups, acts),
  ];
}

/** @param {Acts} acts @returns {Promise<HTMLElement[]>} */
export async function duplicates(acts) {
  const found = await api.duplicates();
  const says = `${plural(found.length, "group")} of images nearer to each other than chance would put them. The first of each would stay.`;
  const groups = found.map((rows) => ({ rows, says: plural(rows.length, "image") }));
  const extra = found.flatMap((rows) => rows.slice(1));
  return [said(found.length ? says : "No image is nearly the same as another."), outs(extra, acts), list(groups, acts)];
}

/** @param {Acts} acts @returns {Promise<HTMLElement[]>} */
export async function excluded(acts) {
  const { flags } = acts.view.atlas;
  /** @type {number[]} */
  const rows = [];
  for (let row = 0; row < flags.length; row++) if (flags[row] & 2) rows.push(row);
  if (!rows.length) return [said("No image is excluded.")];
  return [
    said(`${plural(rows.length, "image")} that the next training leaves out.`),
    el(
      "div",
      { class: "actions" },
      plain("Take all back in", () => acts.exclude(rows, false)),
    ),
    list(
      rows.map((row) => ({ rows: [row], says: "" })),
      acts,
    ),
  ];
}

/** @returns {Promise<HTMLElement[]>} */
export async function rejected() {
  const files = await api.rejected();
  const says = `${plural(files.length, "file")} could not be read and ${files.length === 1 ? "is" : "are"} not on the map.`;
  const lines = files
    .slice(0, MOST_FILES)
    .map(({ file, why }) => el("li", {}, el("b", {}, file), el("span", { class: "soft" }, why)));
  return [said(files.length ? says : "Every file could be read."), el("ul", { class: "files" }, ...lines)];
}

/** @param {string} text @returns {HTMLElement} */
function said(text) {
  return el("p", { class: "soft" }, text);
}

/** @param {number[]} rows @param {Acts} acts @returns {HTMLElement} what excludes or chooses all of a list */
function outs(rows, acts) {
  const within = rows.filter((row) => !isOut(row, acts));
  return el(
    "div",
    { class: "actions" },
    within.length ? plain(`Exclude ${number(within.length)}`, () => acts.exclude(within, true)) : null,
    rows.length ? plain("Show on the map", () => acts.chosen.choose(rows)) : null,
  );
}

/** @param {{rows: number[], says: string}[]} groups @param {Acts} acts @returns {HTMLElement} */
function list(groups, acts) {
  const lines = groups.slice(0, MOST_SHOWN).map(({ rows, says }) => {
    const those = rows.length > 1 ? rows.slice(1) : rows; // of copies the first stays
    const out = those.every((row) => isOut(row, acts));
    const change = () =>
      acts.exclude(
        those.filter((row) => isOut(row, acts) === out),
        !out,
      );
    return el(
      "li",
      {},
      el("div", { class: "pictures" }, ...rows.slice(0, 5).map((row) => picture(row, acts))),
      el("small", { class: "soft" }, says),
      small(out ? "Take back in" : rows.length > 1 ? "Keep the first" : "Exclude", change),
    );
  });
  return el("ul", { class: "groups-list" }, ...lines);
}

/** @param {number} row @param {Acts} acts @returns {HTMLElement} */
function picture(row, acts) {
  const out = isOut(row, acts);
  const show = () => {
    acts.chosen.choose([row], { open: false });
    acts.view.reveal(...acts.view.atlas.place(row));
  };
  return el(
    "button",
    {
      type: "button",
      class: out ? "picture out" : "picture",
      "aria-label": `Image ${row}${out ? ", excluded" : ""}`,
      onclick: show,
    },
    el("img", { src: api.imageUrl(row), alt: "", loading: "lazy", draggable: "false" }),
  );
}

/** @param {number} row @param {Acts} acts */
function isOut(row, acts) {
  return Boolean(acts.view.atlas.flags[row] & 2);
}
