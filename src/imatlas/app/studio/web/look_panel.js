// The panel Look: one image and its neighbors, several as a sheet, what was found, or what the map itself says.

import * as api from "./api.js";
import { complain, el, number, plural } from "./dom.js";
import { button, plain } from "./fields.js";

/** @typedef {import("./state.js").Studio} Studio */
const MOST_SHOWN = 60;

/**
 * @typedef {Object} Acts  what can be done with images
 * @property {import("./chosen.js").Chosen} chosen
 * @property {import("./drawing.js").Drawing} drawing
 * @property {(rows: number[], out: boolean) => Promise<void>} exclude
 * @property {(end: "from" | "to", wish: api.Wish, url: string) => void} pathEnd
 * @property {import("./view.js").View} view
 */

/** @param {Studio} studio @param {HTMLElement} host @param {Acts} acts */
export function lookPanel(studio, host, acts) {
  /** @type {AbortController | null} */
  let asking = null;
  const show = () => {
    asking?.abort();
    const { rows, found } = acts.chosen;
    if (rows.length === 1) {
      asking = new AbortController();
      const { signal } = asking;
      api.detail(rows[0], signal).then((detail) => {
        if (!signal.aborted) host.replaceChildren(...one(studio, detail, acts));
      }, complain);
    } else if (rows.length) host.replaceChildren(...several(studio, rows, acts));
    else if (found) host.replaceChildren(...foundOnes(studio, acts));
    else host.replaceChildren(...itself(studio));
  };
  for (const kind of ["chosen", "found", "edits"]) studio.on(kind, show);
  show();
}

/** @param {number} row @param {Acts} acts @param {string} [says] */
function tile(row, acts, says = "") {
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: "picture",
        "aria-label": `Image ${row}${says ? `, ${says}` : ""}`,
        title: says,
        onclick: () => {
          acts.chosen.choose([row]);
          acts.view.reveal(...acts.view.atlas.place(row));
        },
        onmouseenter: () => {
          acts.view.marks.hover = row;
          acts.view.redraw();
        },
        onmouseleave: () => {
          acts.view.marks.hover = -1;
          acts.view.redraw();
        },
      },
      el("img", { src: api.imageUrl(row), alt: "", loading: "lazy", draggable: "false" }),
    ),
  );
}

/** @param {number[]} rows @param {Acts} acts @param {(i: number) => string} [says] */
function sheet(rows, acts, says = () => "") {
  return el("ul", { class: "sheet" }, ...rows.slice(0, MOST_SHOWN).map((row, i) => tile(row, acts, says(i))));
}

/** @param {Studio} studio @param {api.Detail} detail @param {Acts} acts @returns {HTMLElement[]} */
function one(studio, detail, acts) {
  const { atlas } = studio,
    { row } = detail,
    url = api.imageUrl(row);
  const groups = Object.entries(detail.clusters).map(([level, group]) => {
    const field = atlas.labelField(level);
    return [
      field?.title ?? level,
      typeof group === "number" ? (group < 0 ? "none" : (field?.groups[group] ?? String(group))) : group,
    ];
  });
  const scores = Object.entries(detail.scores).map(([name, value]) => [
    (atlas.valueField(name)?.title ?? name).split(":")[0],
    value === null ? "not known" : number(value),
  ]);
  const facts = [
    ...(detail.class ? [["Class", detail.class]] : []),
    ...groups,
    ...scores,
    ["Place", detail.place.map(number).join(", ")],
  ];
  const state = [
    detail.held_out && "held out: nothing was learned from it",
    detail.excluded && "excluded from the next training",
  ].filter(Boolean);
  return [
    el(
      "figure",
      { class: "large" },
      el("img", { src: url, alt: `Image ${detail.id}`, draggable: "false" }),
      el("figcaption", { class: "id" }, detail.id),
    ),
    state.length ? el("p", { class: "note" }, `This image is ${state.join(", and ")}.`) : "",
    el(
      "div",
      { class: "actions" },
      button("Draw more like this", () => {
        studio.set({ tab: "draw" });
        return acts.drawing.like(row);
      }),
      plain("Path from here", () => acts.pathEnd("from", { row }, url)),
      plain("Path to here", () => acts.pathEnd("to", { row }, url)),
      plain(detail.excluded ? "Take back in" : "Exclude", () => acts.exclude([row], !detail.excluded)),
    ),
    detail.neighbors.length ? el("h3", {}, "Nearest images") : "",
    sheet(
      detail.neighbors.map((neighbor) => neighbor.row),
      acts,
      (i) => `distance ${number(detail.neighbors[i].distance)}`,
    ),
    el("dl", { class: "facts-list" }, ...facts.flatMap(([what, value]) => [el("dt", {}, what), el("dd", {}, value)])),
  ].filter((part) => part !== "");
}

/** @param {Studio} studio @param {number[]} rows @param {Acts} acts */
function several(studio, rows, acts) {
  const out = rows.filter((row) => studio.atlas.flags[row] & 2),
    within = rows.filter((row) => !(studio.atlas.flags[row] & 2));
  const counted = el("p", { class: "soft" });
  count(studio, rows).then(
    (text) => {
      counted.textContent = text;
    },
    () => {},
  );
  return [
    el("h2", {}, `${plural(rows.length, "image")} chosen`),
    counted,
    el(
      "div",
      { class: "actions" },
      within.length ? plain(`Exclude ${number(within.length)}`, () => acts.exclude(within, true)) : null,
      out.length ? plain(`Take ${number(out.length)} back in`, () => acts.exclude(out, false)) : null,
      plain("Show on the map", () => acts.view.show(rows)),
      plain("Let go", () => acts.chosen.clear()),
    ),
    sheet(spread(rows), acts),
    rows.length > MOST_SHOWN ? el("p", { class: "soft small" }, `${MOST_SHOWN} of them, evenly taken.`) : "",
  ].filter((part) => part !== "");
}

/** @param {number[]} rows @returns {number[]} at most as many as a sheet holds, evenly taken */
function spread(rows) {
  if (rows.length <= MOST_SHOWN) return rows;
  return Array.from({ length: MOST_SHOWN }, (_, i) => rows[Math.floor((i * rows.length) / MOST_SHOWN)]);
}

/** Say which groups the rows belong to, the largest first. @param {Studio} studio @param {number[]} rows */
async function count(studio, rows) {
  const field = studio.atlas.labelField(studio.seen.colour) ?? studio.atlas.meta.fields.labels[0];
  if (!field) return "";
  const labels = await studio.atlas.labels(field.name),
    counts = new Map();
  for (const row of rows) counts.set(labels[row], (counts.get(labels[row]) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const words = sorted.slice(0, 4).map(([group, n]) => `${number(n)} ${group < 0 ? "of none" : field.groups[group]}`);
  return `${field.title}: ${words.join(", ")}${sorted.length > 4 ? `, and ${sorted.length - 4} more` : ""}.`;
}

/** @param {Studio} studio @param {Acts} acts */
function foundOnes(studio, acts) {
  const found = /** @type {import("./chosen.js").Found} */ (acts.chosen.found);
  const picture = found.picture ? { picture: found.picture } : null;
  return [
    el("h2", {}, found.title),
    found.url ? el("figure", { class: "large" }, el("img", { src: found.url, alt: "The picture you gave" })) : "",
    el("p", { class: "soft" }, found.says),
    el(
      "div",
      { class: "actions" },
      found.rows.length ? plain("Choose them", () => acts.chosen.choose(found.rows)) : null,
      found.rows.length ? plain("Show on the map", () => acts.view.show(found.rows)) : null,
      picture && found.url ? plain("Path from it", () => acts.pathEnd("from", picture, found.url ?? "")) : null,
      plain("Done", () => acts.chosen.clear()),
    ),
    sheet(found.rows, acts),
  ].filter((part) => part !== "");
}

/** @param {Studio} studio */
function itself(studio) {
  const { map, notes, counts, n } = studio.atlas.meta;
  return [
    el("h2", {}, "The map"),
    el(
      "p",
      {},
      `Every point is one of ${plural(n, "image")}; what is alike lies near. Hover over one to see it, press it to know more, turn the wheel to come closer.`,
    ),
    el("p", { class: "soft" }, map.says),
    map.trust.length ? el("h3", {}, "How far to trust it") : "",
    map.trust.length
      ? el(
          "dl",
          { class: "trust-list" },
          ...map.trust.flatMap((score) => [
            el("dt", {}, score.name.replaceAll("_", " ")),
            el(
              "dd",
              {},
              el("b", {}, Number(score.value).toFixed(3)),
              el(
                "span",
                { class: "meter" },
                el("i", { style: { width: `${100 * Math.min(1, Math.max(0, Number(score.value)))}%` } }),
              ),
              score.says ? el("small", {}, score.says) : null,
            ),
          ]),
        )
      : "",
    el(
      "p",
      { class: "soft small" },
      [
        `${plural(counts.held_out, "image")} held out`,
        `${number(counts.excluded)} excluded`,
        `${plural(counts.rejected, "file")} not readable`,
      ].join(" · "),
    ),
    ...notes.map((note) => el("p", { class: "note" }, note)),
  ].filter((part) => part !== "");
}
