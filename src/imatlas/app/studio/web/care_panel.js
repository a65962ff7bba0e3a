// The panel Care: clusters as sheets that can be named, merged and split, and the lists of care_lists.js.

import * as api from "./api.js";
import { duplicates, excluded, outliers, rejected } from "./care_lists.js";
import { busy, complain, el, number } from "./dom.js";
import { button, choice, labelled, small } from "./fields.js";

/** @typedef {import("./state.js").Studio} Studio */
/** @typedef {import("./look_panel.js").Acts} Acts */
/** @typedef {import("./edits.js").Edits} Edits */

const SECTIONS = /** @type {[string, string][]} */ ([
  ["clusters", "Clusters"],
  ["outliers", "Outliers"],
  ["duplicates", "Near-duplicates"],
  ["excluded", "Excluded"],
  ["rejected", "Not readable"],
]);

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
    studio.on("tab", (/** @type {string} */ tab) => {
      if (tab === "care") this.show();
    });
    studio.on("history", () => {
      if (studio.seen.tab === "care") this.show();
    });
    studio.on("edits", () => {
      this.marked.clear();
      if (studio.seen.tab === "care") this.show();
    });
    if (studio.seen.tab === "care") this.show();
  }

  show() {
    const { edits } = this.acts;
    this.head.replaceChildren(
      el(
        "div",
        { class: "head" },
        el("h2", {}, "Care"),
        el("span", { class: "push" }),
        small("Undo", () => edits.undo(), { disabled: !edits.now?.can_undo }),
        small("Redo", () => edits.redo(), { disabled: !edits.now?.can_redo }),
      ),
      el("p", { class: "soft small" }, "Kept in the atlas and used by the next training. Your own files are never changed."),
      labelled(
        "Show",
        choice(SECTIONS, this.section, (section) => {
          this.section = section;
          this.show();
        }),
      ),
    );
    this.fill().catch(complain);
  }

  async fill() {
    const turn = ++this.asked;
    /** @type {Record<string, () => Promise<HTMLElement[]>>} */
    const lists = {
      clusters: () => this._clusters(),
      outliers: () => outliers(this.acts),
      duplicates: () => duplicates(this.acts),
      excluded: () => excluded(this.acts),
      rejected,
    };
    const parts = await lists[this.section]();
    if (turn === this.asked) this.body.replaceChildren(...parts);
  }

  /** @returns {Promise<HTMLElement[]>} */
  async _clusters() {
    const levels = this.studio.atlas.meta.fields.labels.filter((field) => field.name !== "class");
    if (!levels.length) return [el("p", { class: "soft" }, "The images were not clustered.")];
    if (!levels.some((level) => level.name === this.level)) this.level = levels[0].name;
    const clusters = await api.clusters(this.level);
    this.merge = button("Merge", () => this._merge(clusters));
    this._countMarked();
    return [
      labelled(
        "Level",
        choice(
          levels.map((level) => [level.name, level.title]),
          this.level,
          (level) => {
            this.level = level;
            this.marked.clear();
            this.show();
          },
        ),
      ),
      el("p", { class: "soft small" }, "Press a name to change it. Mark two or more to merge them."),
      el("div", { class: "actions sticky" }, this.merge),
      ...clusters.map((cluster) => this._card(cluster)),
    ];
  }

  /** @param {api.Cluster} cluster @returns {HTMLElement} */
  _card(cluster) {
    const { acts, studio, level } = this,
      { label } = cluster;
    const box = el("input", {
      type: "checkbox",
      checked: this.marked.has(label),
      "aria-label": `Mark ${cluster.name} for merging`,
      onchange: () => {
        this.marked[box.checked ? "add" : "delete"](label);
        this._countMarked();
      },
    });
    const field = el("input", {
      type: "text",
      class: "name",
      value: cluster.name,
      maxlength: 80,
      "aria-label": `Name of cluster ${cluster.name}`,
      onchange: () =>
        busy(null, () =>
          acts.edits.make({ name: { level, label, name: field.value.trim() } }, `Named ${field.value.trim() || "as before"}.`),
        ),
    });
    const show = () => {
      studio.set({ colour: level, lit: label });
      acts.view.show(cluster.rows);
    };
    const condition = this._condition();
    const draw = () => {
      if (condition) acts.drawing.wish(condition, cluster.name);
      studio.set({ tab: "draw" });
    };
    return el(
      "article",
      { class: "card" },
      el("div", { class: "head" }, box, field, el("small", { class: "soft" }, number(cluster.size))),
      cluster.says ? el("p", { class: "soft small" }, cluster.says) : null,
      el(
        "div",
        { class: "mosaic" },
        ...cluster.rows
          .slice(0, 12)
          .map((row) => el("img", { src: api.imageUrl(row), alt: "", loading: "lazy", draggable: "false" })),
      ),
      el(
        "div",
        { class: "actions" },
        small("Show", show),
        small("Choose all", () => this._choose(label)),
        small("Split", () => acts.edits.make({ split: { level, label } }, `${cluster.name} split.`)),
        condition ? small("Draw from it", draw) : null,
      ),
    );
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
    const labels = [...this.marked].sort((a, b) => a - b),
      names = clusters.filter(({ label }) => this.marked.has(label)).map(({ name }) => name);
    await this.acts.edits.make({ merge: { level: this.level, labels } }, `Merged ${names.join(", ")}.`);
  }

  /** @param {number} label */
  async _choose(label) {
    const labels = await this.studio.atlas.labels(this.level),
      rows = [];
    for (let row = 0; row < labels.length; row++) if (labels[row] === label) rows.push(row);
    this.acts.chosen.choose(rows);
  }
}
