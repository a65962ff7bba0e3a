// What the parts of the page share: the atlas, what is looked at, and who wants to hear of a change.
//
// What is looked at stands in the address (hash.js), what was decided stands in the atlas on the server, and what was drawn
// but not kept is remembered by the tab: a reload loses nothing.

import * as hash from "./hash.js";

/** @typedef {hash.Seen} Seen */

export class Studio {
  /** @param {import("./atlas.js").Atlas} atlas */
  constructor(atlas) {
    this.atlas = atlas;
    /** @type {Seen} */
    this.seen = this._read();
    /** @type {Map<string, ((value: any) => void)[]>} */
    this._heard = new Map();
    /** @type {number} */
    this._writing = 0;
    addEventListener("hashchange", () => this.set(this._read()));
  }

  /** What stands in the address; where it names no field, or one that there is not, it is the usual one. @returns {Seen} */
  _read() {
    const { atlas } = this,
      seen = hash.read(location.hash, atlas.n);
    if (atlas.labelField(seen.colour) || atlas.valueField(seen.colour)) return seen;
    return { ...seen, colour: atlas.usualField(), lit: seen.colour ? null : seen.lit };
  }

  /** @param {string} kind  a key of `seen`, or an event of one part for another @param {(value: any) => void} react */
  on(kind, react) {
    this._heard.set(kind, [...(this._heard.get(kind) ?? []), react]);
  }

  /** @param {string} kind @param {any} [value] */
  tell(kind, value) {
    for (const react of this._heard.get(kind) ?? []) react(value);
  }

  /** Change what is looked at, and tell who wants to know. @param {Partial<Seen>} patch */
  set(patch) {
    const changed = /** @type {(keyof Seen)[]} */ (Object.keys(patch)).filter((key) => !same(this.seen[key], patch[key]));
    Object.assign(this.seen, patch);
    for (const key of changed) this.tell(key, this.seen[key]);
    if (changed.length) this._remember();
  }

  /** The model that draws. @returns {import("./api.js").Model | undefined} */
  get model() {
    const { models } = this.atlas.meta;
    return models.find((model) => model.name === this.seen.model) ?? models.find((model) => model.default) ?? models[0];
  }

  _remember() {
    clearTimeout(this._writing);
    this._writing = setTimeout(() => {
      const usual = this.seen.colour === this.atlas.usualField();
      const words = hash.write({ ...this.seen, colour: usual ? "" : this.seen.colour });
      history.replaceState(null, "", words ? `#${words}` : location.pathname);
    }, 200);
  }
}

/** @param {unknown} a @param {unknown} b */
const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
