// What is wished for when drawing: the conditions of the model, the dials, the seed and how many.

import * as api from "./api.js";
import { busy, el, number, plural, pngUrl } from "./dom.js";
import { button, check, choice, labelled, small } from "./fields.js";

/** @typedef {import("./state.js").Studio} Studio */
/** @typedef {import("./drawing.js").Drawing} Drawing */
/** @typedef {import("./look_panel.js").Acts} Acts */

/** @param {Studio} studio @param {Acts} acts @returns {HTMLElement[]} all that can be wished for */
export function wishParts(studio, acts) {
  const { model, atlas } = studio,
    { drawing } = acts,
    { settings } = drawing;
  if (!model) {
    return [
      el(
        "p",
        { class: "note" },
        "There is no model yet that could draw. Training one takes minutes, and this page may be closed meanwhile.",
      ),
      el(
        "div",
        { class: "actions" },
        button("Train one", () => studio.set({ tab: "train" })),
      ),
    ];
  }
  const draw = (/** @type {Event} */ event) => {
    event.preventDefault();
    void busy(/** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]")), () => drawing.draw());
  };
  const form = el(
    "form",
    { class: "fields", onsubmit: draw },
    el("h3", {}, "What to draw"),
    atlas.meta.models.length > 1
      ? labelled(
          "Model",
          choice(
            atlas.meta.models.map((one) => [one.name, one.title]),
            model.name,
            (name) => studio.set({ model: name }),
          ),
        )
      : null,
    el(
      "div",
      { class: "row" },
      ...model.conditions
        .filter(({ kind }) => kind === "choice" || kind === "number")
        .map((condition) => wishField(condition, acts)),
    ),
    ...model.conditions.filter(({ kind }) => kind === "example").map((condition) => wishField(condition, acts)),
    el(
      "details",
      { class: "dials", open: Object.keys(drawing.dials).length > 0 },
      el("summary", {}, `Dials: ${Object.keys(model.dials).join(", ")}`),
      ...Object.entries(model.dials).map(([name, dial]) => dialField(name, dial, drawing)),
    ),
    el(
      "div",
      { class: "row" },
      labelled(
        "Seed",
        el("input", {
          type: "number",
          min: 0,
          max: 2 ** 31 - 1,
          step: 1,
          value: settings.seed,
          onchange: (/** @type {any} */ event) =>
            drawing.set({ seed: Math.max(0, Math.floor(Number(event.target.value))), fresh: false }),
        }),
      ),
      labelled(
        "How many",
        el("input", {
          type: "number",
          min: 1,
          max: 64,
          step: 1,
          value: settings.count,
          onchange: (/** @type {any} */ event) =>
            drawing.set({ count: Math.min(64, Math.max(1, Math.floor(Number(event.target.value)))) }),
        }),
      ),
    ),
    check("Another seed each time", settings.fresh, (fresh) => drawing.set({ fresh })),
    check("Show where they land on the map", settings.show, (show) => drawing.set({ show })),
    el("div", { class: "actions" }, el("button", { type: "submit" }, `Draw ${plural(settings.count, "image")}`)),
  );
  return [form];
}

/** @param {api.Condition} condition @param {Acts} acts */
function wishField(condition, acts) {
  const { drawing } = acts,
    held = drawing.settings.wishes[condition.name];
  if (condition.kind === "choice") {
    const options = /** @type {[string, string][]} */ ([["", "any"], ...(condition.choices ?? []).map((name) => [name, name])]);
    return labelled(
      condition.title,
      choice(options, typeof held === "string" ? held : "", (words) => drawing.wish(condition.name, words)),
    );
  }
  if (condition.kind === "number") {
    return labelled(
      condition.title,
      el("input", {
        type: "number",
        min: 0,
        max: 1,
        step: 0.05,
        placeholder: "any, or 0 to 1",
        value: typeof held === "string" ? held : "",
        onchange: (/** @type {any} */ event) => drawing.wish(condition.name, event.target.value),
      }),
    );
  }
  return exampleField(condition, acts, held);
}

/** @param {api.Condition} condition @param {Acts} acts @param {api.Wish | undefined} held */
function exampleField(condition, acts, held) {
  const { drawing, chosen } = acts;
  const row = chosen.rows.length === 1 ? chosen.rows[0] : -1,
    picture = chosen.found?.picture,
    piece = drawing.piece;
  const put = (/** @type {api.Wish | null} */ wish) => () => drawing.wish(condition.name, wish);
  const src =
    held === undefined || typeof held === "string" ? "" : "row" in held ? api.imageUrl(held.row) : pngUrl(held.picture);
  return el(
    "fieldset",
    { class: "example" },
    el("legend", {}, condition.title),
    src ? el("img", { src, alt: "The example" }) : el("span", { class: "empty" }, "any"),
    el(
      "div",
      { class: "choices" },
      row >= 0 ? small("The chosen image", put({ row })) : null,
      piece?.png ? small("The drawn image", put({ picture: piece.png })) : null,
      picture ? small("Your picture", put({ picture })) : null,
      src ? small("None", put(null)) : null,
      row < 0 && !piece?.png && !picture && !src
        ? el("small", { class: "soft" }, "Choose an image on the map, or drop a picture on the page, to follow it.")
        : null,
    ),
  );
}

/** @param {string} name @param {api.Dial} dial @param {Drawing} drawing */
function dialField(name, dial, drawing) {
  const value = drawing.settings.dials[name] ?? dial.usual,
    whole = dial.whole ?? name === "steps";
  const shown = el("output", {}, number(value));
  const input = el("input", {
    type: "range",
    min: dial.low,
    max: dial.high,
    step: whole ? 1 : (dial.high - dial.low) / 100,
    value,
    "aria-label": name,
    oninput: () => {
      shown.textContent = number(Number(input.value));
    },
    onchange: () => {
      const dials = { ...drawing.settings.dials, [name]: Number(input.value) };
      if (dials[name] === dial.usual) delete dials[name];
      drawing.set({ dials });
    },
  });
  const reset = el(
    "button",
    {
      type: "button",
      class: "icon",
      "aria-label": `${name} as usual`,
      title: "As usual",
      onclick: () => {
        input.value = String(dial.usual);
        shown.textContent = number(dial.usual);
        const { [name]: _, ...dials } = drawing.settings.dials;
        drawing.set({ dials });
      },
    },
    "↺",
  );
  return el(
    "div",
    { class: "dial" },
    el("span", { class: "dial-name" }, name.replaceAll("_", " ")),
    shown,
    reset,
    input,
    el("small", { class: "soft" }, dial.says),
  );
}
