// An index of the places of a map: rows sorted into square cells, so that what is near a place is found without
// looking at all. A counting sort keeps a given order within each cell; rows without a place are left out.

/** @typedef {import("./camera.js").Bounds} Bounds */

const PER_CELL = 24;
const MOST_CELLS = 512;

/**
 * Give rows 0 .. n - 1 in a random order that is the same each time, so that no group lies on top of all others.
 * @param {number} n
 * @returns {Uint32Array}
 */
export function shuffled(n) {
  const rows = new Uint32Array(n);
  let state = 0x9e3779b9; // mulberry32
  for (let i = 0; i < n; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const j = Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * (i + 1));
    rows[i] = rows[j];
    rows[j] = i;
  }
  return rows;
}

export class Grid {
  /**
   * @param {Float32Array} places  (n, 2)
   * @param {Bounds} bounds  of all places
   */
  constructor(places, bounds) {
    const n = places.length / 2;
    const [x0, y0, x1, y1] = bounds;
    this.places = places;
    this.side = Math.max(1, Math.min(MOST_CELLS, Math.round(Math.sqrt(n / PER_CELL))));
    this.x0 = x0;
    this.y0 = y0;
    this.cell = [Math.max(x1 - x0, 1e-9) / this.side, Math.max(y1 - y0, 1e-9) / this.side];
    const cells = this.side * this.side;
    const cellOf = new Uint32Array(n);
    const starts = new Uint32Array(cells + 2);
    for (let row = 0; row < n; row++) {
      const x = places[2 * row],
        y = places[2 * row + 1];
      cellOf[row] = x === x && y === y ? this.lineOf(y) * this.side + this.columnOf(x) : cells;
      starts[cellOf[row] + 1]++;
    }
    for (let c = 1; c < starts.length; c++) starts[c] += starts[c - 1];
    const next = starts.slice();
    const order = new Uint32Array(n);
    for (const row of shuffled(n)) order[next[cellOf[row]]++] = row;
    /** rows in the order of their cells, cell by cell to the right, then upwards; those without a place cut off */
    this.rows = order.subarray(0, starts[cells]);
    /** starts[c] .. starts[c + 1] are the rows of cell c */
    this.starts = starts;
    /** their places, one after the other as they are drawn */
    this.laid = new Float32Array(2 * this.rows.length);
    for (let i = 0; i < this.rows.length; i++) {
      this.laid[2 * i] = places[2 * this.rows[i]];
      this.laid[2 * i + 1] = places[2 * this.rows[i] + 1];
    }
  }

  /** @param {number} x */
  columnOf(x) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((x - this.x0) / this.cell[0])));
  }
  /** @param {number} y */
  lineOf(y) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((y - this.y0) / this.cell[1])));
  }

  /**
   * Give the runs of `rows` that cover a part of the map, one per line of cells.
   * @param {Bounds} bounds
   * @returns {[number, number][]} begin, end
   */
  runs([x0, y0, x1, y1]) {
    const top = this.y0 + this.cell[1] * this.side,
      right = this.x0 + this.cell[0] * this.side;
    if (x1 < this.x0 || y1 < this.y0 || x0 > right || y0 > top) return [];
    const [left, last] = [this.columnOf(x0), this.columnOf(x1)];
    /** @type {[number, number][]} */
    const runs = [];
    for (let line = this.lineOf(y0); line <= this.lineOf(y1); line++) {
      const begin = this.starts[line * this.side + left],
        end = this.starts[line * this.side + last + 1];
      const before = runs[runs.length - 1];
      if (end === begin) continue;
      if (before && before[1] === begin) before[1] = end;
      else runs.push([begin, end]);
    }
    return runs;
  }

  /** How many rows at most lie in a part of the map. @param {Bounds} bounds */
  count(bounds) {
    return this.runs(bounds).reduce((sum, [begin, end]) => sum + end - begin, 0);
  }

  /**
   * Give the rows that lie within bounds.
   * @param {Bounds} bounds
   * @returns {number[]}
   */
  inside(bounds) {
    const [x0, y0, x1, y1] = bounds,
      found = [];
    for (const [begin, end] of this.runs(bounds)) {
      for (let i = begin; i < end; i++) {
        const x = this.laid[2 * i],
          y = this.laid[2 * i + 1];
        if (x >= x0 && x <= x1 && y >= y0 && y <= y1) found.push(this.rows[i]);
      }
    }
    return found;
  }

  /**
   * Give the row nearest to a place, within a radius; -1 for none.
   * @param {number} x @param {number} y @param {number} radius  in map units
   */
  nearest(x, y, radius) {
    let best = -1,
      least = radius * radius;
    for (const [begin, end] of this.runs([x - radius, y - radius, x + radius, y + radius])) {
      for (let i = begin; i < end; i++) {
        const dx = this.laid[2 * i] - x,
          dy = this.laid[2 * i + 1] - y,
          square = dx * dx + dy * dy;
        if (square < least || (square === least && best < 0)) [best, least] = [this.rows[i], square];
      }
    }
    return best;
  }

  /**
   * Give the points to draw of some runs: every one, or as fair a sample as a number allows, since rows are in random order
   * within a cell.
   * @param {[number, number][]} runs @param {number} most
   * @returns {number} every how many one is drawn
   */
  static stride(runs, most) {
    const seen = runs.reduce((sum, [begin, end]) => sum + end - begin, 0);
    return seen <= most ? 1 : Math.min(31, Math.ceil(seen / most));
  }

  /** Give the row nearest to a place, however far. @param {number} x @param {number} y */
  nearestOfAll(x, y) {
    let radius = Math.max(this.cell[0], this.cell[1]);
    for (let tries = 0; tries < 40; tries++, radius *= 2) {
      const row = this.nearest(x, y, radius);
      if (row >= 0) return row;
    }
    return -1;
  }
}
