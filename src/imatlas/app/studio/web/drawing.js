// The images that were drawn: what is wished for, the requests, and what became of each. The tab remembers them, so that a
// reload loses none; those that are kept lie in the atlas.

import * as api from "./api.js";
import { announce, complain, plural, say } from "./dom.js";

/** @typedef {[number, number]} Point */
/**
 * @typedef {Object} Piece  one image, drawn or being drawn
 * @property {number} key
 * @property {string} png  base64, "" = being drawn
 * @property {number} seed
 * @property {Record<string, unknown>} how
 * @property {Point | null} asked  where on the map it was asked for
 * @property {Point | null} landed  where on the map it lies
 * @property {Record<string, api.Wish>} wishes
 * @property {string} kept  its name in the atlas, "" = not kept
 */
/**
 * @typedef {Object} Settings
 * @property {Record<string, api.Wish>} wishes
 * @property {Record<string, number>} dials  those turned
 * @property {number} seed
 * @property {boolean} fresh  another seed each time
 * @property {number} count
 * @property {boolean} show  where they land on the map
 */

const MOST_SEED = 2 ** 31;
const MOST_PIECES = 60;
const MOST_REMEMBERED = 3_500_000; // characters; browsers grant about five million

/** @returns {Settings} */
const atFirst = () => ({ wishes: {}, dials: {}, seed: 0, fresh: true, count: 8, show: true });

export class Drawing {
  /** @param {import("./state.js").Studio} studio */
  constructor(studio) {
    this.studio = studio;
    this.memory = `imatlas-drawn-${studio.atlas.meta.name}`;
    const held = JSON.parse(sessionStorage.getItem(this.memory) ?? "{}");
    /** @type {Settings} */
    this.settings = { ...atFirst(), ...held.settings };
    /** @type {Piece[]} */
    this.pieces = held.pieces ?? [];
    this.next = 1 + Math.max(0, ...this.pieces.map((piece) => piece.key));
    this.active = held.active ?? 0;
  }

  /** @returns {Piece | undefined} the one that is looked at */
  get piece() {
    return this.pieces.find((piece) => piece.key === this.active);
  }

  /** @param {Partial<Settings>} patch */
  set(patch) {
    Object.assign(this.settings, patch);
    this._remember();
    this.studio.tell("settings");
  }

  /** Wish for something, or for nothing of that kind any more. @param {string} name @param {api.Wish | null} wish */
  wish(name, wish) {
    const wishes = { ...this.settings.wishes };
    if (wish === null || wish === "") delete wishes[name];
    else wishes[name] = wish;
    this.set({ wishes });
  }

  /** What the model at hand can be asked for, of all that is wished. */
  get wishes() {
    const can = new Set(this.studio.model?.conditions.map((condition) => condition.name));
    return Object.fromEntries(Object.entries(this.settings.wishes).filter(([name]) => can.has(name)));
  }

  get dials() {
    const can = this.studio.model?.dials ?? {};
    return Object.fromEntries(Object.entries(this.settings.dials).filter(([name]) => name in can));
  }

  seed() {
    if (this.settings.fresh) this.set({ seed: Math.floor(Math.random() * MOST_SEED) });
    return this.settings.seed;
  }

  /** Draw one image for a place of the map. @param {Point} place */
  async at(place) {
    const wishes = this._here(place);
    if (wishes) await this._draw({ wishes, count: 1, asked: place });
  }

  /** Draw what is wished for. */
  async draw() {
    await this._draw({ wishes: this.wishes, count: this.settings.count, asked: null });
  }

  /** Draw more like one. @param {Piece} piece */
  async more(piece) {
    const wishes = { ...piece.wishes };
    const example = this._exampleCondition();
    if (example) {
      wishes[example.name] = { picture: piece.png };
      for (const condition of this.studio.model?.conditions ?? [])
        if (condition.kind === "place") delete wishes[condition.name];
    }
    await this._draw({ wishes, count: 6, asked: null, fresh: true });
  }

  /** Draw images like one of the atlas. @param {number} row */
  async like(row) {
    const example = this._exampleCondition();
    if (example) await this._draw({ wishes: { [example.name]: { row } }, count: 6, asked: null, fresh: true });
    else await this.at(this.studio.atlas.place(row));
  }

  /** @param {Piece} piece */
  async keep(piece) {
    if (piece.kept || !piece.png) return;
    piece.kept = (await api.keep(piece.png)).name;
    announce("Kept in the atlas");
    this._changed("kept");
  }

  /** Let one go; it comes back by undo. @param {Piece} piece */
  async discard(piece) {
    const at = this.pieces.indexOf(piece);
    if (at < 0) return;
    if (piece.kept) await api.discard(piece.kept);
    this.pieces.splice(at, 1);
    if (this.active === piece.key) this.active = (this.pieces[at] ?? this.pieces[at - 1])?.key ?? 0;
    this._changed("kept");
    say("Discarded.", { about: "discarded", action: "Undo", run: () => this._back(piece, at).catch(complain) });
  }

  /** Take away all that are not kept. */
  clear() {
    const gone = this.pieces;
    this.pieces = gone.filter((piece) => piece.kept || !piece.png);
    const count = gone.length - this.pieces.length;
    if (!count) return;
    this._changed();
    say(`${plural(count, "image")} cleared.`, {
      action: "Undo",
      run: () => {
        this.pieces = [...gone, ...this.pieces.filter((piece) => !gone.includes(piece))];
        this._changed();
      },
    });
  }

  /** @param {number} key */
  activate(key) {
    this.active = key;
    const piece = this.piece;
    const place = piece?.landed ?? piece?.asked;
    if (place) this.studio.tell("reveal", place);
    this._changed();
  }

  /** @param {number} by  -1 or 1 */
  step(by) {
    const at = this.pieces.findIndex((piece) => piece.key === this.active);
    const piece = this.pieces[Math.min(this.pieces.length - 1, Math.max(0, at + by))];
    if (piece) this.activate(piece.key);
  }

  /** Forget that something kept under this name is kept: it was discarded elsewhere. @param {string} name */
  letGo(name) {
    for (const piece of this.pieces) if (piece.kept === name) piece.kept = "";
    this._changed();
  }

  /** @param {Piece} piece @param {number} at */
  async _back(piece, at) {
    if (piece.kept) await api.restore(piece.kept);
    this.pieces.splice(at, 0, piece);
    this.active = piece.key;
    this._changed("kept");
  }

  /** The condition that takes a picture to follow: where it lies on the manifold before how it looks. */
  _exampleCondition() {
    const examples = this.studio.model?.conditions.filter((condition) => condition.kind === "example") ?? [];
    return examples.find((condition) => condition.name === "neighborhood") ?? examples[0];
  }

  /** What to wish for at a place; null, with a word of why, where the model knows no places. @param {Point} place */
  _here(place) {
    const model = this.studio.model;
    if (!model) {
      say("There is no model yet that could draw. Train one in the panel Train; it takes minutes.", {
        bad: true,
        action: "Open Train",
        run: () => this.studio.set({ tab: "train" }),
      });
      return null;
    }
    const condition = model.conditions.find(({ kind }) => kind === "place");
    if (condition) return { ...this.wishes, [condition.name]: place.map((x) => x.toPrecision(7)).join(",") };
    const example = this._exampleCondition(),
      row = this.studio.atlas.grid.nearestOfAll(...place);
    if (example && row >= 0) return { ...this.wishes, [example.name]: { row } };
    say(
      `${model.title} knows neither places nor examples, so a click on the map means nothing to it. Draw by its own wishes, or train one with the condition map place.`,
      { bad: true },
    );
    return null;
  }

  /** @param {{wishes: Record<string, api.Wish>, count: number, asked: Point | null, fresh?: boolean}} what */
  async _draw({ wishes, count, asked, fresh = false }) {
    const { studio } = this,
      model = studio.model;
    if (!model) return void this._here(asked ?? [0, 0]);
    const seed = fresh ? Math.floor(Math.random() * MOST_SEED) : this.seed();
    const waiting = Array.from(
      { length: count },
      (_, i) =>
        /** @type {Piece} */ ({ key: this.next++, png: "", seed: seed + i, how: {}, asked, landed: null, wishes, kept: "" }),
    );
    const before = this.active;
    this.pieces.push(...waiting);
    this.active = waiting[0].key;
    this._changed();
    performance.mark("imatlas-asked");
    try {
      const answer = await api.draw({ model: model.name, count, seed, wishes, dials: this.dials, place: this.settings.show });
      this._fill(waiting, answer, asked);
      performance.mark("imatlas-drawn");
    } finally {
      this.pieces = this.pieces.filter((piece) => piece.png || !waiting.includes(piece)).slice(-MOST_PIECES);
      if (!this.piece) this.active = before;
      this._changed();
    }
  }

  /** @param {Piece[]} waiting @param {api.Drawing} answer @param {Point | null} asked */
  _fill(waiting, answer, asked) {
    answer.images.forEach((image, i) =>
      Object.assign(waiting[i], { png: image.png, seed: image.seed, how: image.how, landed: image.place ?? null }),
    );
    if (answer.off && !answer.images.length) {
      this.studio.tell("off", { at: asked ?? answer.off.nearest, nearest: answer.off.nearest });
      const { nearest, says } = answer.off;
      say(says, { bad: true, about: "off", action: "Draw at the nearest place", run: () => this.at(nearest).catch(complain) });
      announce(says);
      return;
    }
    this.studio.tell("off", null);
    announce(`${plural(answer.images.length, "image")} drawn in ${answer.seconds.toFixed(1)} seconds`);
  }

  /** @param {string} [more]  another event to tell */
  _changed(more) {
    this._remember();
    this.studio.tell("pieces");
    if (more) this.studio.tell(more);
  }

  _remember() {
    let pieces = this.pieces.filter((piece) => piece.png);
    let text = "";
    do {
      text = JSON.stringify({ settings: this.settings, active: this.active, pieces });
      pieces = pieces.slice(Math.ceil(pieces.length / 4));
    } while (text.length > MOST_REMEMBERED && pieces.length);
    sessionStorage.setItem(this.memory, text);
  }
}
