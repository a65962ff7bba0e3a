// The images themselves on the map, once few enough are seen: cut out of sheets that are fetched when they are needed.
//
// One image stands for each square of a lattice that is fixed to the map, so that a picture keeps its place while the map is
// dragged, and more come as one zooms in.

import * as api from "./api.js";
import { seen } from "./camera.js";

const MOST_SEEN = 5000;
const MOST_SHEETS = 8;
const SMALLEST = 26,
  LARGEST = 80;

export class Thumbnails {
  /** @param {import("./atlas.js").Atlas} atlas @param {() => void} onready  called when more can be drawn */
  constructor(atlas, onready) {
    this.atlas = atlas;
    this.onready = onready;
    /** @type {Int32Array | null} */
    this.ranks = null;
    /** @type {Map<number, ImageBitmap | null>} null = under way */
    this.sheets = new Map();
    this._asked = false;
  }

  /** Forget what was fetched, after an error of the network. */
  retry() {
    for (const [sheet, bitmap] of this.sheets) if (bitmap === null) this.sheets.delete(sheet);
  }

  /**
   * Give the rows whose images are to be drawn at this camera, and their side in CSS pixels; none when too many are seen.
   * @param {import("./camera.js").Camera} camera @param {import("./camera.js").Size} size
   * @param {{fitted: number, colours: Uint8Array}} how  fitted: the scale that shows all; what is faint stands back
   * @returns {{rows: number[], side: number}}
   */
  choose(camera, size, { fitted, colours }) {
    const { grid, n } = this.atlas;
    const part = seen(camera, size, LARGEST);
    if (grid.count(part) > 3 * MOST_SEEN) return { rows: [], side: 0 };
    const rows = grid.inside(part);
    if (rows.length > MOST_SEEN) return { rows: [], side: 0 };
    const spacing = Math.sqrt((size.width * size.height) / n) * (camera.scale / fitted);
    const side = Math.min(LARGEST, Math.max(SMALLEST, 0.6 * spacing));
    rows.sort((a, b) => Number(isFaint(colours, a)) - Number(isFaint(colours, b)) || a - b);
    const lattice = onePerCell(rows, this.atlas.places, 2 ** Math.ceil(Math.log2(side / camera.scale) - 0.5));
    return { rows: apart(lattice, this.atlas.places, (0.9 * side) / camera.scale), side };
  }

  /**
   * Draw the chosen images.
   * @param {CanvasRenderingContext2D} context
   * @param {{rows: number[], side: number}} chosen
   * @param {{at: (row: number) => [number, number], colours: Uint8Array, ground: string}} how
   * @returns {number} how many are drawn
   */
  draw(context, { rows, side }, { at, colours, ground }) {
    if (!rows.length || !this._ready()) return 0;
    const { thumbs, map, shape } = this.atlas.meta;
    const ranks = /** @type {Int32Array} */ (this.ranks);
    const longer = Math.max(shape[0], shape[1]),
      wide = (side * shape[1]) / longer,
      high = (side * shape[0]) / longer;
    context.imageSmoothingEnabled = !(map.pixel_art && side >= thumbs.side);
    let drawn = 0;
    for (const row of rows) {
      const rank = ranks[row],
        sheet = this._sheet(Math.floor(rank / thumbs.per_sheet));
      if (!sheet) continue;
      const within = rank % thumbs.per_sheet,
        [x, y] = at(row);
      context.globalAlpha = isFaint(colours, row) ? 0.3 : 1;
      context.fillStyle = ground;
      context.fillRect(x - wide / 2 - 3, y - high / 2 - 3, wide + 6, high + 6);
      context.fillStyle = `rgb(${colours[4 * row]}, ${colours[4 * row + 1]}, ${colours[4 * row + 2]})`;
      context.fillRect(x - wide / 2 - 2, y - high / 2 - 2, wide + 4, high + 4);
      const [left, top] = [(within % thumbs.columns) * thumbs.side, Math.floor(within / thumbs.columns) * thumbs.side];
      context.drawImage(sheet, left, top, thumbs.side, thumbs.side, x - wide / 2, y - high / 2, wide, high);
      drawn++;
    }
    context.globalAlpha = 1;
    return drawn;
  }

  _ready() {
    if (!this.ranks && !this._asked) {
      this._asked = true;
      this.atlas.ranks().then(
        (ranks) => {
          this.ranks = ranks;
          this.onready();
        },
        () => {
          this._asked = false;
        },
      );
    }
    return this.ranks !== null;
  }

  /** @param {number} number @returns {ImageBitmap | null} */
  _sheet(number) {
    const held = this.sheets.get(number);
    if (held) {
      this.sheets.delete(number); // the last used stands last
      this.sheets.set(number, held);
    }
    if (held !== undefined) return held;
    this.sheets.set(number, null);
    api
      .thumbnails(number)
      .then(createImageBitmap)
      .then(
        (bitmap) => {
          this.sheets.set(number, bitmap);
          this._forget();
          this.onready();
        },
        () => setTimeout(() => this.sheets.delete(number), 2000),
      );
    return null;
  }

  _forget() {
    for (const [number, bitmap] of this.sheets) {
      if (this.sheets.size <= MOST_SHEETS) return;
      if (bitmap === null) continue;
      bitmap.close();
      this.sheets.delete(number);
    }
  }
}

/** @param {Uint8Array} colours @param {number} row */
const isFaint = (colours, row) => colours[4 * row + 3] < 100;

/**
 * Give one row for every square of a lattice fixed to the map: the first of those given, so the same from every camera.
 * @param {number[]} rows @param {Float32Array} places @param {number} side  of a square in map units
 * @returns {number[]}
 */
export function onePerCell(rows, places, side) {
  /** @type {Map<string, number>} */
  const first = new Map();
  for (const row of rows) {
    const key = `${Math.floor(places[2 * row] / side)},${Math.floor(places[2 * row + 1] / side)}`;
    if (!first.has(key)) first.set(key, row);
  }
  return [...first.values()];
}

/**
 * Leave out those that would cover an earlier one by more than a little.
 * @param {number[]} rows @param {Float32Array} places @param {number} side  in map units
 * @returns {number[]}
 */
export function apart(rows, places, side) {
  /** @type {Map<string, number[]>} */
  const cells = new Map();
  const kept = [];
  for (const row of rows) {
    const x = places[2 * row],
      y = places[2 * row + 1],
      column = Math.floor(x / side),
      line = Math.floor(y / side);
    let free = true;
    for (let i = -1; i < 2 && free; i++) {
      for (let j = -1; j < 2 && free; j++) {
        const others = cells.get(`${column + i},${line + j}`) ?? [];
        free = others.every((other) => Math.abs(places[2 * other] - x) >= side || Math.abs(places[2 * other + 1] - y) >= side);
      }
    }
    if (!free) continue;
    kept.push(row);
    const key = `${column},${line}`;
    cells.set(key, [...(cells.get(key) ?? []), row]);
  }
  return kept;
}
