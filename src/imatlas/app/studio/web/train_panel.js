// The panel Train: start, watch, stop and resume a training. It runs in a process of its own: this page may be closed.

import * as api from "./api.js";
import { busy, complain, duration, el, get, number } from "./dom.js";
import { check, choice, labelled, small } from "./fields.js";

/** @typedef {import("./state.js").Studio} Studio */
const EVERY = 4000; // ms, in case an event gets lost
const WORDS = { none: "No training yet", running: "Training", stopped: "Stopped", finished: "Finished", failed: "Failed" };

export class TrainPanel {
  /** @param {Studio} studio @param {HTMLElement} host @param {{edits: import("./edits.js").Edits}} parts */
  constructor(studio, host, { edits }) {
    this.studio = studio;
    this.edits = edits;
    const { train } = studio.atlas.meta;
    this.wanted = {
      generator: train?.generators[0]?.name ?? "",
      minutes: Math.round((train?.budget ?? 600) / 60),
      seed: 0,
      conditions: new Set((train?.conditions ?? []).map(({ name }) => name)),
    };
    /** @type {api.Training | null} */
    this.now = null;
    this.timer = 0;
    this.status = el("div", { class: "training" });
    this.form = el("div");
    host.append(
      el("div", { class: "head" }, el("h2", {}, "Train"), el("span", { class: "push" }), small("Open the report", openReport)),
      this.status,
      this.form,
    );
    studio.on("tab", () => this.follow());
    studio.on("training", () => void this.renew());
    this.follow();
    this._showForm();
  }

  /** Ask now, and again while it runs and is looked at. */
  follow() {
    clearInterval(this.timer);
    if (this.studio.seen.tab !== "train") return;
    void this.renew();
    this.timer = setInterval(() => {
      if (!document.hidden && this.now?.state === "running") void this.renew();
    }, EVERY);
  }

  async renew() {
    try {
      const before = this.now?.state;
      this.now = await api.training();
      this._show(this.now);
      if (before !== this.now.state) this._showForm();
    } catch (error) {
      complain(error);
    }
  }

  /** @param {api.Training} now */
  _show(now) {
    if (now.state === "none") {
      this.status.replaceChildren(
        el(
          "p",
          { class: "soft" },
          "No training was started yet. It runs on its own: this page may be closed meanwhile, and opened again.",
        ),
      );
      return;
    }
    const share = now.steps > 0 ? Math.min(1, now.step / now.steps) : 0,
      running = now.state === "running";
    const act = (/** @type {() => Promise<unknown>} */ run) => (/** @type {any} */ event) =>
      busy(event.currentTarget, async () => {
        await run();
        await this.renew();
      });
    const timing = [
      now.steps ? `step ${number(now.step)} of ${number(now.steps)}` : "",
      now.seconds ? `${duration(now.seconds)} so far` : "",
      running && now.remaining > 0 ? `${duration(now.remaining)} to go` : "",
    ];
    this.status.replaceChildren(
      ...[
        el("h3", {}, `${WORDS[now.state]}${now.model ? `: ${now.model}` : ""}`),
        el("progress", {
          max: 1,
          value: now.state === "finished" ? 1 : share,
          "aria-label": "Share of the training that is done",
        }),
        timing.some(Boolean) ? el("p", { class: "small" }, timing.filter(Boolean).join(" · ")) : "",
        now.says ? el("p", { class: now.state === "failed" ? "note" : "soft small" }, now.says) : "",
        el(
          "div",
          { class: "actions" },
          running ? el("button", { type: "button", onclick: act(() => api.stopTraining()) }, "Stop") : null,
          now.state === "stopped" || (now.state === "failed" && now.step > 0)
            ? el("button", { type: "button", onclick: act(() => this._start(now.model)) }, "Resume")
            : null,
        ),
        ...Object.entries(now.curves)
          .filter(([, points]) => points.length > 1)
          .slice(0, 6)
          .map(([name, points]) => curve(name, points)),
        now.samples
          ? el(
              "figure",
              {},
              el("img", {
                class: "samples",
                src: `${now.samples}${now.samples.includes("?") ? "&" : "?"}step=${now.step}`,
                alt: "Samples of the model as it is",
              }),
              el("figcaption", {}, "Samples"),
            )
          : "",
      ].filter((part) => part !== ""),
    );
  }

  _showForm() {
    const { train } = this.studio.atlas.meta,
      { wanted } = this;
    if (!train || this.now?.state === "running") {
      this.form.replaceChildren();
      return;
    }
    const says = train.generators.find(({ name }) => name === wanted.generator)?.says ?? "";
    const form = el(
      "form",
      {
        class: "fields",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void busy(form.querySelector("button[type=submit]"), async () => {
            await this._start("");
            await this.renew();
          });
        },
      },
      el("h3", {}, "Train a new model"),
      labelled(
        "Generator",
        choice(
          train.generators.map(({ name, title }) => [name, title.charAt(0).toUpperCase() + title.slice(1)]),
          wanted.generator,
          (name) => {
            wanted.generator = name;
            this._showForm();
          },
        ),
      ),
      says ? el("p", { class: "soft small" }, says) : null,
      el(
        "div",
        { class: "row" },
        labelled(
          "Minutes",
          el("input", {
            type: "number",
            min: 1,
            max: 10_000,
            step: 1,
            required: true,
            value: wanted.minutes,
            onchange: (/** @type {any} */ event) => {
              wanted.minutes = Number(event.target.value);
            },
          }),
        ),
        labelled(
          "Seed",
          el("input", {
            type: "number",
            min: 0,
            max: 2 ** 31 - 1,
            step: 1,
            required: true,
            value: wanted.seed,
            onchange: (/** @type {any} */ event) => {
              wanted.seed = Number(event.target.value);
            },
          }),
        ),
      ),
      el(
        "fieldset",
        {},
        el("legend", {}, "What can be asked of it"),
        ...train.conditions.map(({ name, title }) =>
          check(title, wanted.conditions.has(name), (on) => {
            wanted.conditions[on ? "add" : "delete"](name);
          }),
        ),
      ),
      this._changes(),
      el("div", { class: "actions" }, el("button", { type: "submit" }, "Start the training")),
    );
    this.form.replaceChildren(form);
  }

  /** What the training will take account of. */
  _changes() {
    const excluded = this.studio.atlas.meta.counts.excluded;
    return excluded ? el("p", { class: "note" }, `${number(excluded)} excluded images will be left out.`) : null;
  }

  /** @param {string} resume  a model's name, "" = a new one */
  _start(resume) {
    const { generator, minutes, seed, conditions } = this.wanted;
    const order = { generator, budget: minutes * 60, conditions: [...conditions], seed };
    return api.train(resume ? { ...order, resume } : order);
  }
}

/** Open the report of the atlas over the page. */
export function openReport() {
  const page = get("report-page"),
    frame = page.querySelector("iframe");
  if (!frame.src.endsWith("/report")) frame.src = "/report";
  page.showModal();
}

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, string | number>} attributes */
function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** @param {string} name @param {[number, number][]} points  step, value @returns {HTMLElement} */
function curve(name, points) {
  const width = 320,
    height = 84,
    values = points.map((p) => p[1]).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)],
    [begin, end] = [points[0][0], points[points.length - 1][0]];
  const at = (/** @type {[number, number]} */ [step, value]) =>
    `${(((step - begin) / Math.max(1, end - begin)) * width).toFixed(1)},${(height - 4 - ((value - low) / Math.max(1e-12, high - low)) * (height - 8)).toFixed(1)}`;
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `${name}, from ${number(points[0][1])} to ${number(points[points.length - 1][1])}`,
  });
  picture.append(
    svg("path", { d: `M0,${height - 1} H${width}`, class: "axis" }),
    svg("polyline", {
      points: points
        .filter((p) => Number.isFinite(p[1]))
        .map(at)
        .join(" "),
      class: "curve",
    }),
  );
  return el(
    "figure",
    { class: "curve-box" },
    el("figcaption", {}, el("span", {}, name.replaceAll("_", " ")), el("b", {}, number(points[points.length - 1][1]))),
    picture,
  );
}
