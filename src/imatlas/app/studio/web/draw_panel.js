// The panel Draw: what is wished for, the dials, the seed, the image at hand, and what was kept.

import * as api from "./api.js";
import { busy, complain, el, number, plural, pngUrl, say } from "./dom.js";

/** @typedef {import("./state.js").Studio} Studio */
/** @typedef {import("./drawing.js").Drawing} Drawing */
/** @typedef {import("./look_panel.js").Acts} Acts */

/** @param {Studio} studio @param {HTMLElement} host @param {Acts} acts */
export function drawPanel(studio, host, acts) {
  const { drawing } = acts;
  const piece = el("div"), wishes = el("div"), kept = el("div");
  host.append(piece, wishes, kept);
  const showPiece = () => piece.replaceChildren(...pieceParts(drawing, acts));
  const showWishes = () => {
    if (wishes.contains(document.activeElement) && document.activeElement?.matches("input")) return; // not under the hand that turns it
    wishes.replaceChildren(...wishParts(studio, acts));
  };
  const showKept = () => void api.kept().then((list) => kept.replaceChildren(...keptParts(drawing, list, showKept)), complain);
  studio.on("pieces", showPiece);
  studio.on("settings", showWishes);
  studio.on("chosen", showWishes);
  studio.on("found", showWishes);
  studio.on("model", showWishes);
  studio.on("models", showWishes);
  studio.on("kept", showKept);
  showPiece();
  showWishes();
  studio.on("tab", (/** @type {string} */ tab) => { if (tab === "draw") showKept(); });
  if (studio.seen.tab === "draw") showKept();
}

/** @param {Drawing} drawing @param {Acts} acts @returns {HTMLElement[]} the image at hand */
function pieceParts(drawing, acts) {
  const { piece } = drawing;
  if (!piece) {
    return [el("h2", {}, "Draw"), el("p", { class: "soft" }, "Choose the tool Draw and press a place on the map: a new image appears there. Or say below what you wish for, anywhere.")];
  }
  if (!piece.png) return [el("figure", { class: "large waiting", "aria-busy": "true" }, el("figcaption", {}, "Being drawn"))];
  const url = pngUrl(piece.png);
  const act = (/** @type {() => Promise<void>} */ work) => (/** @type {Event} */ event) => busy(/** @type {HTMLButtonElement} */ (event.currentTarget), work);
  return [
    el("figure", { class: "large" }, el("img", { src: url, alt: `Drawn image, seed ${piece.seed}`, draggable: "false" }),
      el("figcaption", {}, `Seed ${piece.seed}${landing(piece)}`)),
    el("div", { class: "actions" },
      piece.kept ? el("button", { type: "button", disabled: true }, "Kept") : el("button", { type: "button", onclick: act(() => drawing.keep(piece)), "aria-keyshortcuts": "k" }, "Keep"),
      el("button", { type: "button", class: "plain", onclick: act(() => drawing.discard(piece)), "aria-keyshortcuts": "x" }, "Discard"),
      el("button", { type: "button", class: "plain", onclick: act(() => drawing.more(piece)), "aria-keyshortcuts": "n" }, "More like this"),
      el("button", { type: "button", class: "plain", onclick: () => acts.pathEnd("from", { picture: piece.png }, url) }, "Path from here"),
      el("button", { type: "button", class: "plain", onclick: () => acts.pathEnd("to", { picture: piece.png }, url) }, "Path to here")),
  ];
}

/** @param {import("./drawing.js").Piece} piece */
function landing({ asked, landed }) {
  if (!landed) return asked ? `, asked for at ${asked.map(number).join(", ")}` : "";
  if (!asked) return `, lies at ${landed.map(number).join(", ")}`;
  return `, asked for at ${asked.map(number).join(", ")} and lies at ${landed.map(number).join(", ")}`;
}

/** @param {Studio} studio @param {Acts} acts @returns {HTMLElement[]} all that can be wished for */
function wishParts(studio, acts) {
  const { model, atlas } = studio, { drawing } = acts, { settings } = drawing;
  if (!model) {
    return [el("p", { class: "note" }, "There is no model yet that could draw. Training one takes minutes, and this page may be closed meanwhile."),
      el("div", { class: "actions" }, el("button", { type: "button", onclick: () => studio.set({ tab: "train" }) }, "Train one"))];
  }
  const draw = (/** @type {Event} */ event) => {
    event.preventDefault();
    void busy(/** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]")), () => drawing.draw());
  };
  const form = el("form", { class: "fields", onsubmit: draw },
    el("h3", {}, "What to draw"),
    atlas.meta.models.length > 1 ? labelled("Model", choice(atlas.meta.models.map((one) => [one.name, one.title]), model.name, (name) => studio.set({ model: name }))) : null,
    el("div", { class: "row" }, ...model.conditions.filter(({ kind }) => kind === "choice" || kind === "number").map((condition) => wishField(condition, acts))),
    ...model.conditions.filter(({ kind }) => kind === "example").map((condition) => wishField(condition, acts)),
    el("details", { class: "dials", open: Object.keys(drawing.dials).length > 0 }, el("summary", {}, "Dials"),
      ...Object.entries(model.dials).map(([name, dial]) => dialField(name, dial, drawing))),
    el("div", { class: "row" },
      labelled("Seed", el("input", { type: "number", min: 0, max: 2 ** 31 - 1, step: 1, value: settings.seed,
        onchange: (/** @type {any} */ event) => drawing.set({ seed: Math.max(0, Math.floor(Number(event.target.value))), fresh: false }) })),
      labelled("How many", el("input", { type: "number", min: 1, max: 64, step: 1, value: settings.count,
        onchange: (/** @type {any} */ event) => drawing.set({ count: Math.min(64, Math.max(1, Math.floor(Number(event.target.value)))) }) }))),
    check("Another seed each time", settings.fresh, (fresh) => drawing.set({ fresh })),
    check("Show where they land on the map", settings.show, (show) => drawing.set({ show })),
    el("div", { class: "actions" }, el("button", { type: "submit" }, `Draw ${plural(settings.count, "image")}`)));
  return [form];
}

/** @param {api.Condition} condition @param {Acts} acts */
function wishField(condition, acts) {
  const { drawing } = acts, held = drawing.settings.wishes[condition.name];
  if (condition.kind === "choice") {
    const options = /** @type {[string, string][]} */ ([["", "any"], ...(condition.choices ?? []).map((name) => [name, name])]);
    return labelled(condition.title, choice(options, typeof held === "string" ? held : "", (words) => drawing.wish(condition.name, words)));
  }
  if (condition.kind === "number") {
    return labelled(condition.title, el("input", { type: "number", min: 0, max: 1, step: 0.05, placeholder: "any, or 0 to 1", value: typeof held === "string" ? held : "",
      onchange: (/** @type {any} */ event) => drawing.wish(condition.name, event.target.value) }));
  }
  return exampleField(condition, acts, held);
}

/** @param {api.Condition} condition @param {Acts} acts @param {api.Wish | undefined} held */
function exampleField(condition, acts, held) {
  const { drawing, chosen } = acts;
  const row = chosen.rows.length === 1 ? chosen.rows[0] : -1, picture = chosen.found?.picture, piece = drawing.piece;
  const put = (/** @type {api.Wish | null} */ wish) => () => drawing.wish(condition.name, wish);
  const src = held === undefined || typeof held === "string" ? "" : "row" in held ? api.imageUrl(held.row) : pngUrl(held.picture);
  return el("fieldset", { class: "example" }, el("legend", {}, condition.title),
    src ? el("img", { src, alt: "The example" }) : el("span", { class: "empty" }, "any"),
    el("div", { class: "choices" },
      row >= 0 ? el("button", { type: "button", class: "small", onclick: put({ row }) }, "The chosen image") : null,
      piece?.png ? el("button", { type: "button", class: "small", onclick: put({ picture: piece.png }) }, "The drawn image") : null,
      picture ? el("button", { type: "button", class: "small", onclick: put({ picture }) }, "Your picture") : null,
      src ? el("button", { type: "button", class: "small", onclick: put(null) }, "None") : null,
      row < 0 && !piece?.png && !picture && !src ? el("small", { class: "soft" }, "Choose an image on the map, or drop a picture on the page, to follow it.") : null));
}

/** @param {string} name @param {api.Dial} dial @param {Drawing} drawing */
function dialField(name, dial, drawing) {
  const value = drawing.settings.dials[name] ?? dial.usual, whole = dial.whole ?? name === "steps";
  const shown = el("output", {}, number(value));
  const input = el("input", { type: "range", min: dial.low, max: dial.high, step: whole ? 1 : (dial.high - dial.low) / 100, value, "aria-label": name,
    oninput: () => { shown.textContent = number(Number(input.value)); },
    onchange: () => {
      const dials = { ...drawing.settings.dials, [name]: Number(input.value) };
      if (dials[name] === dial.usual) delete dials[name];
      drawing.set({ dials });
    } });
  const reset = el("button", { type: "button", class: "icon", "aria-label": `${name} as usual`, title: "As usual", onclick: () => {
    input.value = String(dial.usual);
    shown.textContent = number(dial.usual);
    const { [name]: _, ...dials } = drawing.settings.dials;
    drawing.set({ dials });
  } }, "↺");
  return el("div", { class: "dial" }, el("span", { class: "dial-name" }, name.replaceAll("_", " ")), shown, reset, input, el("small", { class: "soft" }, dial.says));
}

/** @param {Drawing} drawing @param {api.Kept[]} list @param {() => void} again @returns {HTMLElement[]} */
function keptParts(drawing, list, again) {
  if (!list.length) return [];
  const discard = async (/** @type {api.Kept} */ one) => {
    await api.discard(one.name);
    drawing.letGo(one.name);
    again();
    say(`${one.name} is no longer kept.`, { action: "Undo", run: () => api.restore(one.name).then(again, complain) });
  };
  return [
    el("div", { class: "head" }, el("h3", {}, `${number(list.length)} kept`), el("a", { href: "/api/kept.zip", download: "kept.zip" }, "Export all")),
    el("ul", { class: "sheet" }, ...list.map((one) => el("li", { class: "held" },
      el("a", { class: "picture", href: one.url, download: one.name, title: `Save ${one.name}` }, el("img", { src: one.url, alt: one.name, loading: "lazy" })),
      el("button", { type: "button", class: "icon corner", "aria-label": `Discard ${one.name}`, onclick: () => discard(one).catch(complain) }, "×")))),
    el("p", { class: "soft small" }, "They lie in the atlas. Each PNG carries how it was made."),
  ];
}

/** @param {string} title @param {HTMLElement} field @returns {HTMLElement} */
export function labelled(title, field) { return el("label", { class: "field" }, el("span", {}, title), field); }

/** @param {string[][]} options @param {string} value @param {(value: string) => void} change @returns {HTMLSelectElement} */
export function choice(options, value, change) {
  const select = el("select", { onchange: () => change(select.value) }, ...options.map(([key, text]) => el("option", { value: key }, text)));
  select.value = value;
  return select;
}

/** @param {string} text @param {boolean} on @param {(on: boolean) => void} change @returns {HTMLElement} */
export function check(text, on, change) {
  const box = el("input", { type: "checkbox", checked: on, onchange: () => change(box.checked) });
  return el("label", { class: "check" }, box, el("span", {}, text));
}
