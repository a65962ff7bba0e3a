// The panel Paths: a line drawn on the map as a morph, and the way between two images along the manifold beside the straight one.

import * as api from "./api.js";
import { announce, busy, complain, el, number } from "./dom.js";
import { choice, labelled, small } from "./fields.js";
import { player } from "./player.js";

/** @typedef {[number, number]} Point */
/** @typedef {{wish: api.Wish, url: string} | null} End */

export class PathPanel {
  /**
   * @param {import("./state.js").Studio} studio @param {HTMLElement} host
   * @param {{view: import("./view.js").View, drawing: import("./drawing.js").Drawing}} parts
   */
  constructor(studio, host, { view, drawing }) {
    this.studio = studio;
    this.view = view;
    this.drawing = drawing;
    this.memory = `imatlas-path-${studio.atlas.meta.name}`;
    const held = JSON.parse(sessionStorage.getItem(this.memory) ?? "{}");
    this.frames = held.frames ?? 16;
    /** @type {{from: End, to: End}} */
    this.ends = held.ends ?? { from: null, to: null };
    /** the line drawn last, and its seed
     * @type {{points: Point[], seed: number} | null} */
    this.last = held.last ?? null;
    this.form = el("div");
    this.result = el("div", { class: "result" });
    /** @type {ReturnType<typeof player> | null} */
    this.playing = null;
    host.append(this.result, this.form);
    for (const kind of ["model", "models"]) studio.on(kind, () => this.show());
    this.show();
  }

  /** Take an image as one end; with both, the way is drawn. @param {"from" | "to"} which @param {api.Wish} wish @param {string} url */
  end(which, wish, url) {
    this.ends[which] = { wish, url };
    this.studio.set({ tab: "paths" });
    this._remember();
    this.show();
    if (this.ends.from && this.ends.to) void this.walk();
    else
      announce(
        which === "from" ? "Start of the path taken. Now choose its end." : "End of the path taken. Now choose its start.",
      );
  }

  show() {
    const { model } = this.studio;
    const can = model?.can_morph ?? false;
    this.form.replaceChildren(
      el("h2", {}, "Paths"),
      el(
        "p",
        { class: "soft" },
        "Choose the tool Line and drag over the map: a morph along that line. Or choose two images: the way along the manifold, beside the straight one.",
      ),
      model && !can
        ? el(
            "p",
            { class: "note" },
            `${model.title} has no code for an image, so it cannot go from one image to another. It draws lines on the map, if it knows places.`,
          )
        : "",
      el(
        "div",
        { class: "ends" },
        this._slot("from", "From"),
        el("span", { class: "arrow", "aria-hidden": "true" }, "→"),
        this._slot("to", "To"),
      ),
      el(
        "div",
        { class: "row" },
        labelled(
          "Frames",
          choice(
            [8, 16, 24, 32].map((n) => [String(n), String(n)]),
            String(this.frames),
            (value) => {
              this.frames = Number(value);
              this._remember();
            },
          ),
        ),
        el(
          "button",
          {
            type: "button",
            class: "go",
            disabled: !(can && this.ends.from && this.ends.to),
            onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this._walk()),
          },
          "Draw the path",
        ),
      ),
      this.last
        ? el(
            "div",
            { class: "actions" },
            el(
              "button",
              {
                type: "button",
                class: "plain",
                onclick: (/** @type {any} */ event) => busy(event.currentTarget, () => this._line()),
              },
              "Draw the last line again",
            ),
          )
        : "",
    );
  }

  /** @param {"from" | "to"} which @param {string} title */
  _slot(which, title) {
    const end = this.ends[which];
    return el(
      "figure",
      { class: "end" },
      end
        ? el("img", { src: end.url, alt: `${title}: the chosen image`, draggable: "false" })
        : el("span", { class: "empty" }, "none yet"),
      el(
        "figcaption",
        {},
        title,
        end
          ? el(
              "button",
              {
                type: "button",
                class: "small",
                onclick: () => {
                  this.ends[which] = null;
                  this._remember();
                  this.show();
                },
              },
              "Clear",
            )
          : null,
      ),
    );
  }

  walk() {
    return busy(this.form.querySelector(".go"), () => this._walk());
  }

  async _walk() {
    const { from, to } = this.ends;
    if (!from || !to) return;
    this._wait("The way is being drawn");
    const answer = await this._ask(() =>
      api.path({ model: this.studio.model?.name, from: from.wish, to: to.wish, frames: this.frames }),
    );
    const [along, straight] = answer.off ?? [NaN, NaN];
    const apart = (/** @type {number} */ off) => (Number.isFinite(off) ? `${number(off)} from the images on average` : "");
    this._play(
      [
        { title: "Along the manifold.", says: apart(along), frames: answer.geodesic },
        { title: "Straight.", says: apart(straight), frames: answer.straight },
      ],
      answer.places ?? [],
    );
    const line = answer.places ?? answer.stations.map((row) => this.studio.atlas.place(row));
    this._mark(line, answer.places ?? line);
  }

  /** Morph along a line on the map. @param {Point[]} points */
  async line(points) {
    this.last = { points, seed: this.drawing.seed() };
    this._remember();
    this.show();
    await this._line();
  }

  async _line() {
    if (!this.last) return;
    const { points, seed } = this.last;
    this.studio.set({ tab: "paths" });
    this._mark(points, []);
    this._wait("A morph along the line is being drawn");
    const { model } = this.studio;
    const answer = await this._ask(() =>
      api.line({ model: model?.name, points, frames: this.frames, seed, dials: this.drawing.dials }),
    );
    if (!answer.images.length) {
      this.result.replaceChildren(
        el("p", { class: "note" }, answer.off?.says ?? "Nothing could be drawn along this line. Draw it where images are."),
      );
      return;
    }
    const places = answer.images.map((image) => image.place).filter((place) => !!place);
    this._play(
      [{ title: "Along the line.", says: answer.off?.says ?? "", frames: answer.images.map((image) => image.png) }],
      /** @type {Point[]} */ (places),
    );
    this._mark(points, /** @type {Point[]} */ (places));
    announce(`${answer.images.length} frames drawn in ${answer.seconds.toFixed(1)} seconds`);
  }

  /** Take the line and what was drawn along it away. */
  clear() {
    this.playing?.stop();
    this.playing = null;
    this.result.replaceChildren();
    this._mark([], []);
  }

  _remember() {
    const { frames, ends, last } = this;
    sessionStorage.setItem(this.memory, JSON.stringify({ frames, ends: keepable(ends), last }));
  }

  /** @template T @param {() => Promise<T>} request @returns {Promise<T>} */
  async _ask(request) {
    try {
      return await request();
    } catch (error) {
      this.result.replaceChildren();
      throw error;
    }
  }

  /** @param {string} says */
  _wait(says) {
    this.playing?.stop();
    this.playing = null;
    this.result.replaceChildren(el("p", { class: "soft waiting-line", "aria-busy": "true" }, says));
  }

  /** @param {import("./player.js").Strip[]} strips @param {Point[]} places  of the frames of the first */
  _play(strips, places) {
    this.playing = player(strips, {
      onframe: (frame) => {
        this.view.marks.here = places[frame] ?? null;
        this.view.redraw();
      },
      keep: async (png) => {
        await api.keep(png);
        announce("Kept in the atlas");
        this.studio.tell("kept");
      },
    });
    const clear = small("Clear", () => this.clear());
    this.result.replaceChildren(
      el("div", { class: "head" }, el("h2", {}, "The morph"), el("span", { class: "push" }), clear),
      ...this.playing.parts,
    );
  }

  /** @param {Point[]} line @param {Point[]} dots */
  _mark(line, dots) {
    Object.assign(this.view.marks, { line, dots, ...(line.length ? {} : { here: null }) });
    this.view.redraw();
  }
}

/** Give the ends that outlast a reload: a picture from outside is shown from an address that does not. @param {{from: End, to: End}} ends */
function keepable(ends) {
  const lasting = (/** @type {End} */ end) =>
    end?.url.startsWith("blob:") && typeof end.wish === "object" && "picture" in end.wish ? null : end;
  return { from: lasting(ends.from), to: lasting(ends.to) };
}

/** @param {PathPanel} panel @param {Point[]} points */
export const drawLine = (panel, points) => panel.line(points).catch(complain);
