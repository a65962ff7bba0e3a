// The atlas as the page holds it: what it is, and one typed array per thing known of every image. Row i is image i.

import * as api from "./api.js";
import { Grid } from "./grid.js";

export class Atlas {
  /** @param {api.Meta} meta @param {Float32Array} places @param {Uint8Array} flags */
  constructor(meta, places, flags) {
    this.meta = meta;
    this.n = meta.n;
    this.places = places;
    this.flags = flags;
    this.bounds = boundsOf(places);
    this.grid = new Grid(places, this.bounds);
    /** @type {Map<string, Promise<Int32Array | Float32Array>>} */
    this._columns = new Map();
    /** @type {Promise<Int32Array> | null} */
    this._ranks = null;
    /** whether images or map were made anew since, so that rows mean others */
    this.anew = false;
  }

  /** @returns {Promise<Atlas>} */
  static async load() {
    const [meta, places, flags] = await Promise.all([api.atlas(), api.places(), api.flags()]);
    return new Atlas(meta, places, flags);
  }

  /** @param {number} row @returns {[number, number]} */
  place(row) {
    return [this.places[2 * row], this.places[2 * row + 1]];
  }

  /** @param {string} name @returns {api.LabelField | undefined} */
  labelField(name) {
    return this.meta.fields.labels.find((field) => field.name === name);
  }

  /** @param {string} name @returns {api.ValueField | undefined} */
  valueField(name) {
    return this.meta.fields.values.find((field) => field.name === name);
  }

  /** The field that colours the map when nothing is chosen: the class, else the coarsest clusters, else a score. */
  usualField() {
    return (this.meta.fields.labels[0] ?? this.meta.fields.values[0])?.name ?? "";
  }

  /** @param {string} name @returns {Promise<Int32Array>} a group per row, -1 = none */
  labels(name) {
    return /** @type {Promise<Int32Array>} */ (this._column(name, api.labels));
  }

  /** @param {string} name @returns {Promise<Float32Array>} a score per row, NaN = none */
  values(name) {
    return /** @type {Promise<Float32Array>} */ (this._column(name, api.values));
  }

  /** @returns {Promise<Int32Array>} where each row stands among the thumbnails */
  ranks() {
    this._ranks ??= api.order().then((order) => {
      const ranks = new Int32Array(order.length);
      for (let i = 0; i < order.length; i++) ranks[order[i]] = i;
      return ranks;
    });
    this._ranks.catch(() => {
      this._ranks = null;
    });
    return this._ranks;
  }

  /** Read again what a training may have changed: the models. @returns {Promise<boolean>} whether any did */
  async renewModels() {
    const meta = await api.atlas();
    const changed = JSON.stringify(meta.models) !== JSON.stringify(this.meta.models);
    this.anew = meta.stamp !== this.meta.stamp;
    this.meta = { ...this.meta, models: meta.models, train: meta.train };
    return changed;
  }

  /** Read again what an edit may have changed: names, groups, flags. */
  async renew() {
    const [meta, flags] = await Promise.all([api.atlas(), api.flags()]);
    this.meta = meta;
    this.flags = flags;
    for (const field of meta.fields.labels) this._columns.delete(field.name);
  }

  /** The distance within which a place counts as near an image when hovered: some part of the mean spacing. */
  get spacing() {
    const [x0, y0, x1, y1] = this.bounds;
    return Math.sqrt(Math.max((x1 - x0) * (y1 - y0), 1e-12) / Math.max(1, this.n));
  }

  /** @template T @param {string} name @param {(name: string) => Promise<T>} read @returns {Promise<T>} */
  _column(name, read) {
    let column = /** @type {Promise<T> | undefined} */ (this._columns.get(name));
    if (column === undefined) {
      column = read(name);
      this._columns.set(name, /** @type {Promise<any>} */ (column));
      column.catch(() => this._columns.delete(name));
    }
    return column;
  }
}

/** @param {Float32Array} places @returns {[number, number, number, number]} */
export function boundsOf(places) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < places.length; i += 2) {
    const x = places[i],
      y = places[i + 1];
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return x0 <= x1 && y0 <= y1 ? [x0, y0, x1, y1] : [0, 0, 1, 1];
}
