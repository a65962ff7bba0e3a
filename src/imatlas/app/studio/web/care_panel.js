// The panel Care: clusters as sheets that can be named, merged and split; outliers, near-duplicates, what is excluded, what could not be read.

import * as api from "./api.js";
import { busy, complain, el, number, plural } from "./dom.js";
import { choice, labelled } from "./draw_panel.js";

/** @typedef {import("./state.js").Studio} Studio */
/** @typedef {import("./look_panel.js").Acts} Acts */
/** @typedef {import("./edits.js").Edits} Edits */

const SECTIONS = /** @type {[string, string][]} */ ([
  ["clusters", "Clusters"], ["outliers", "Outliers"], ["duplicates", "Near-duplicates"], ["excluded", "Excluded"], ["rejected", "Not readable"],
]);
const MOST_SHOWN = 80;

export class CarePanel {
  /** @param {Studio} studio @param {HTMLElement} host @param {Acts & {edits: Edits}} acts */
  constructor(studio, host, acts) {
    this.studio = studio;
    this.acts = acts;
    this.section = "clusters";
    this.level = studio.atlas.meta.fields.labels.find((field) => field.name !== "class")?.name ?? "";
    /** labels marked for merging
     * @type {Set<number>} */
    this.marked = new Set();
    this.asked = 0;
    this.head = el("div");
    this.body = el("div", { class: "care" });
    host.append(this.head, this.body);
    studio.on("tab", (/** @type {string} */ tab) => { if (tab === "care") this.show(); });
    studio.on("edits", () => { this.marked.clear(); if (studio.seen.tab === "care") this.show(); });
    if (studio.seen.tab === "care") this.show();
  }

  show() {
    const { edits } = this.acts;
    const step = (/** @type {string} */ title, /** @type {boolean} */ can, /** @type {() => Promise<void>} */ run) =>
      el("button", { type: "button", class: "small", disabled: !can, onclick: (/** @type {any} */ event) => busy(event.currentTarget, run) }, title);
    this.head.replaceChildren(
      el("div", { class: "head" }, el("h2", {}, "Care"), el("span", { class: "push" }),
        step("Undo", edits.now?.can_undo ?? false, () => edits.undo()), step("Redo", edits.now?.can_redo ?? false, () => edits.redo())),
      el("p", { class: "soft small" }, "Kept in the atlas and used by the next training. Your own files are never changed."),
      labelled("Show", choice(SECTIONS, this.section, (section) => { this.section = section; this.show(); })));
    this.fill().catch(complain);
  }

  async fill() {
    const turn = ++this.asked;
    /** @type {Record<string, () => Promise<HTMLElement[]>>} */
    const lists = { clusters: () => this._clusters(), outliers: () => this._outliers(), duplicates: () => this._duplicates(),
      excluded: () => this._excluded(), rejected: () => this._rejected() };
    const parts = await lists[this.section]();
    if (turn === this.asked) this.body.replaceChildren(...parts);
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _clusters() {
    const levels = this.studio.atlas.meta.fields.labels.filter((field) => field.name !== "class");
    if (!levels.length) return [el("p", { class: "soft" }, "The images were not clustered.")];
    if (!levels.some((level) => level.name === this.level)) this.level = levels[0].name;
    const clusters = await api.clusters(this.level);
    this.merge = el("button", { type: "button", onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this._merge(clusters)) });
    this._countMarked();
    return [
      labelled("Level", choice(levels.map((level) => [level.name, level.title]), this.level, (level) => { this.level = level; this.marked.clear(); this.show(); })),
      el("p", { class: "soft small" }, "Press a name to change it. Mark two or more to merge them."),
      el("div", { class: "actions sticky" }, this.merge),
      ...clusters.map((cluster) => this._card(cluster)),
    ];
  }

  /** @param {api.Cluster} cluster @returns {HTMLElement} */
  _card(cluster) {
    const { acts, studio, level } = this, { label } = cluster;
    const box = el("input", { type: "checkbox", checked: this.marked.has(label), "aria-label": `Mark ${cluster.name} for merging`,
      onchange: () => { this.marked[box.checked ? "add" : "delete"](label); this._countMarked(); } });
    const field = el("input", { type: "text", class: "name", value: cluster.name, maxlength: 80, "aria-label": `Name of cluster ${cluster.name}`,
      onchange: () => busy(null, () => acts.edits.make({ name: { level, label, name: field.value.trim() } }, `Named ${field.value.trim() || "as before"}.`)) });
    const show = () => {
      studio.set({ colour: level, lit: label });
      acts.view.show(cluster.rows);
    };
    return el("article", { class: "card" },
      el("div", { class: "head" }, box, field, el("small", { class: "soft" }, number(cluster.size))),
      cluster.says ? el("p", { class: "soft small" }, cluster.says) : null,
      el("div", { class: "mosaic" }, ...cluster.rows.slice(0, 12).map((row) => el("img", { src: api.imageUrl(row), alt: "", loading: "lazy", draggable: "false" }))),
      el("div", { class: "actions" },
        el("button", { type: "button", class: "small", onclick: show }, "Show"),
        el("button", { type: "button", class: "small", onclick: () => void this._choose(label).catch(complain) }, "Choose all"),
        el("button", { type: "button", class: "small", onclick: (/** @type {any} */ event) => busy(event.currentTarget,
          () => acts.edits.make({ split: { level, label } }, `${cluster.name} split.`)) }, "Split"),
        this._condition() ? el("button", { type: "button", class: "small", onclick: () => {
          acts.drawing.wish(/** @type {string} */ (this._condition()), cluster.name);
          studio.set({ tab: "draw" });
        } }, "Draw from it") : null));
  }

  /** The condition of the model at hand that chooses among the clusters shown. */
  _condition() {
    const name = this.studio.atlas.labelField(this.level)?.condition;
    return this.studio.model?.conditions.find((condition) => condition.name === name)?.name;
  }

  _countMarked() {
    if (!this.merge) return;
    this.merge.hidden = this.marked.size < 2;
    this.merge.textContent = `Merge ${this.marked.size} clusters`;
  }

  /** @param {api.Cluster[]} clusters */
  async _merge(clusters) {
    const labels = [...this.marked].sort((a, b) => a - b), names = clusters.filter(({ label }) => this.marked.has(label)).map(({ name }) => name);
    await this.acts.edits.make({ merge: { level: this.level, labels } }, `Merged ${names.join(", ")}.`);
  }

  /** @param {number} label */
  async _choose(label) {
    const labels = await this.studio.atlas.labels(this.level), rows = [];
    for (let row = 0; row < labels.length; row++) if (labels[row] === label) rows.push(row);
    this.acts.chosen.choose(rows);
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _outliers() {
    const found = await api.outliers();
    const rows = found.map(({ row }) => row);
    return [
      el("p", { class: "soft" }, found.length ? `${plural(found.length, "image")} whose neighbors lie further off than theirs do; about 1 is ordinary.` : "No image stands out."),
      this._outs(rows),
      this._list(found.slice(0, MOST_SHOWN).map(({ row, score }) => ({ rows: [row], says: `score ${number(score)}` }))),
    ];
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _duplicates() {
    const groups = await api.duplicates();
    const extra = groups.flatMap((rows) => rows.slice(1));
    return [
      el("p", { class: "soft" }, groups.length ? `${plural(groups.length, "group")} of images nearer to each other than chance would put them. The first of each would stay.` : "No image is nearly the same as another."),
      this._outs(extra),
      this._list(groups.slice(0, MOST_SHOWN).map((rows) => ({ rows, says: plural(rows.length, "image") }))),
    ];
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _excluded() {
    const { flags } = this.studio.atlas, rows = /** @type {number[]} */ ([]);
    for (let row = 0; row < flags.length; row++) if (flags[row] & 2) rows.push(row);
    return [
      el("p", { class: "soft" }, rows.length ? `${plural(rows.length, "image")} that the next training leaves out.` : "No image is excluded."),
      rows.length ? el("div", { class: "actions" }, el("button", { type: "button", class: "plain", onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this.acts.exclude(rows, false)) }, "Take all back in")) : "",
      this._list(rows.slice(0, MOST_SHOWN).map((row) => ({ rows: [row], says: "" }))),
    ].filter((part) => part !== "");
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _rejected() {
    const files = await api.rejected();
    return [
      el("p", { class: "soft" }, files.length ? `${plural(files.length, "file")} could not be read and ${files.length === 1 ? "is" : "are"} not on the map.` : "Every file could be read."),
      el("ul", { class: "files" }, ...files.slice(0, 500).map(({ file, why }) => el("li", {}, el("b", {}, file), el("span", { class: "soft" }, why)))),
    ];
  }

  /** @param {number[]} rows @returns {HTMLElement} what excludes or chooses all of a list */
  _outs(rows) {
    const within = rows.filter((row) => !(this.studio.atlas.flags[row] & 2));
    return el("div", { class: "actions" },
      within.length ? el("button", { type: "button", class: "plain", onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this.acts.exclude(within, true)) }, `Exclude ${number(within.length)}`) : null,
      rows.length ? el("button", { type: "button", class: "plain", onclick: () => this.acts.chosen.choose(rows) }, "Show on the map") : null);
  }

  /** @param {{rows: number[], says: string}[]} groups @returns {HTMLElement} */
  _list(groups) {
    const { acts, studio } = this;
    return el("ul", { class: "groups-list" }, ...groups.map(({ rows, says }) => el("li", {},
      el("div", { class: "pictures" }, ...rows.slice(0, 5).map((row) => el("button", {
        type: "button", class: studio.atlas.flags[row] & 2 ? "picture out" : "picture", "aria-label": `Image ${row}${studio.atlas.flags[row] & 2 ? ", excluded" : ""}`,
        onclick: () => { acts.chosen.choose([row], { open: false }); acts.view.reveal(...studio.atlas.place(row)); },
      }, el("img", { src: api.imageUrl(row), alt: "", loading: "lazy", draggable: "false" })))),
      el("small", { class: "soft" }, says),
      el("button", { type: "button", class: "small", onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this._outOrIn(rows)) },
        this._isOut(rows) ? "Take back in" : rows.length > 1 ? "Keep the first" : "Exclude"))));
  }

  /** @param {number[]} rows */
  _isOut(rows) { return (rows.length > 1 ? rows.slice(1) : rows).every((row) => this.studio.atlas.flags[row] & 2); }

  /** @param {number[]} rows  one image, or copies of which the first stays */
  _outOrIn(rows) {
    const those = rows.length > 1 ? rows.slice(1) : rows, out = !this._isOut(rows);
    return this.acts.exclude(those.filter((row) => Boolean(this.studio.atlas.flags[row] & 2) !== out), out);
  }
}
