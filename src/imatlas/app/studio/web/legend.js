// What the colours mean, and what the map says of itself: what made it and how far to trust it, also at the point under the hand.

import { css, ofGroup, ofShare, paintRows } from "./colours.js";
import { complain, dark, el, get, number } from "./dom.js";
import { namesOf } from "./overlay.js";

/** @typedef {import("./state.js").Studio} Studio */

/**
 * @param {Studio} studio @param {import("./view.js").View} view @param {import("./chosen.js").Chosen} chosen
 * @returns {Promise<void>} when the map has its first colours
 */
export function legend(studio, view, chosen) {
  const select = get("colour"),
    list = get("groups"),
    note = get("groups-note");
  let asked = 0;
  const options = () => {
    const { labels, values } = studio.atlas.meta.fields;
    select.replaceChildren(
      ...group("Groups", labels),
      ...group("Scores", values),
      ...(labels.length + values.length ? [] : [el("option", { value: "" }, "Nothing known")]),
    );
    select.value = studio.seen.colour;
  };
  const paint = async () => {
    const turn = ++asked,
      { atlas } = studio,
      name = studio.seen.colour;
    const field = atlas.labelField(name),
      score = atlas.valueField(name);
    const labels = field ? await atlas.labels(name) : null,
      values = score ? await atlas.values(name) : null;
    if (turn !== asked) return;
    const set = chosen.rows.length > 1 ? new Set(chosen.rows) : null;
    view.lit = field ? studio.seen.lit : null;
    view.paint(
      paintRows(atlas.n, {
        labels,
        values,
        low: score?.low ?? 0,
        high: score?.high ?? 1,
        flags: atlas.flags,
        dark: dark(),
        lit: view.lit,
        chosen: set,
      }),
    );
    if (field && labels && named !== labels) {
      view.names = namesOf(labels, atlas.places, field.groups);
      named = labels;
    } else if (!labels) {
      view.names = [];
      named = null;
    }
    view.redraw();
  };
  /** @type {Int32Array | null} */
  let named = null;
  const show = () => {
    select.value = studio.seen.colour;
    fill(studio, list, note);
    return paint();
  };
  const again = () => void show().catch(complain);
  select.addEventListener("change", () => studio.set({ colour: select.value, lit: null }));
  studio.on("colour", again);
  studio.on("lit", again);
  let several = false;
  studio.on("chosen", () => {
    if (several || chosen.rows.length > 1) void paint().catch(complain); // one alone leaves the others as they are
    several = chosen.rows.length > 1;
  });
  studio.on("edits", () => {
    named = null;
    options();
    again();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  options();
  return show();
}

/** @param {string} label @param {{name: string, title: string}[]} fields @returns {HTMLElement[]} */
function group(label, fields) {
  return fields.length
    ? [el("optgroup", { label }, ...fields.map((field) => el("option", { value: field.name }, field.title.split(":")[0])))]
    : [];
}

/** @param {Studio} studio @param {HTMLElement} list @param {HTMLElement} note */
function fill(studio, list, note) {
  const { atlas, seen } = studio,
    field = atlas.labelField(seen.colour),
    score = atlas.valueField(seen.colour);
  note.textContent = "";
  if (field) {
    list.replaceChildren(
      ...field.groups.flatMap((name, i) =>
        name === ""
          ? []
          : el(
              "li",
              {},
              el(
                "button",
                {
                  // "" was merged into another
                  type: "button",
                  "aria-pressed": seen.lit === i ? "true" : "false",
                  title: `Show ${name} alone`,
                  onclick: () => studio.set({ lit: seen.lit === i ? null : i }),
                },
                el("i", { class: "chip", style: { background: css(ofGroup(i)) } }),
                el("span", {}, name),
              ),
            ),
      ),
    );
    if (field.groups.length > 10) note.textContent = "Colours come again, lighter and darker. Press a name to see it alone.";
  } else if (score) {
    const stops = Array.from({ length: 9 }, (_, i) => css(ofShare(i / 8, dark()))).join(", ");
    list.replaceChildren(
      el(
        "li",
        { class: "ramp" },
        el("i", { style: { background: `linear-gradient(90deg, ${stops})` } }),
        el("span", {}, number(score.low)),
        el("span", {}, number(score.high)),
      ),
    );
    note.textContent = `${sentence(score.title.split(":")[1]?.trim() ?? score.title)}. Gray: not known.`;
  } else {
    list.replaceChildren();
  }
}

/**
 * The line under the map: what made it, and the trust at the point that is hovered or crossed.
 * @param {Studio} studio
 */
export function mapLine(studio) {
  const { map } = studio.atlas.meta,
    made = get("map-made"),
    here = get("map-here");
  made.textContent = [
    `Features: ${map.features.replaceAll("_", " ")}`,
    ...map.trust.slice(0, 3).map((score) => `${score.name.replaceAll("_", " ")} ${Number(score.value).toFixed(3)}`),
  ].join(" · ");
  made.title = map.says;
  /** @type {Float32Array | null} */
  let trust = null;
  const field = studio.atlas.valueField("trust");
  const wanted = () => {
    if (field && !trust)
      studio.atlas.values("trust").then(
        (values) => {
          trust = values;
        },
        () => {},
      );
  };
  studio.on("over", (/** @type {{row: number, empty: boolean} | null} */ over) => {
    wanted();
    if (!over) here.textContent = "";
    else if (over.row < 0) here.textContent = over.empty ? "Off the map: no images here" : "";
    else if (trust) here.textContent = trustWords(trust[over.row], (studio.atlas.flags[over.row] & 1) > 0);
  });
}

/** @param {number} value  NaN = not known @param {boolean} heldOut */
function trustWords(value, heldOut) {
  if (Number.isNaN(value)) return heldOut ? "Trust here: not known, the image is held out" : "Trust here: not known";
  return `Trust here: ${value.toFixed(2)} of 1`;
}

/** @param {string} text */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll("_", " ");
