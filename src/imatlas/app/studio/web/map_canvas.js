// The points of the map without WebGL: discs written straight into the pixels of a Canvas2D image, the faint ones first.
//
// It draws on the very canvas that the marks are drawn on: one layer less for a browser that composes its layers by software.

import { Grid } from "./grid.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./camera.js").Size} Size */

const FAINT = 100;

export class CanvasMap {
  /** @param {CanvasRenderingContext2D} context  of the canvas that the marks are drawn on */
  constructor(context) {
    this.canvas = context.canvas;
    this.context = context;
    this.kind = "Canvas2D";
    this.mostPixels = 1.5;
    this.onrestored = () => {};
    /** @type {import("./grid.js").Grid | null} */
    this.grid = null;
    /** @type {Uint32Array} one colour per point, in the order of the grid's cells */
    this.laid = new Uint32Array(0);
    /** @type {Uint8Array | null} */
    this.colours = null;
    this.anyFaint = false;
  }

  /** @param {import("./grid.js").Grid} grid */
  setPoints(grid) {
    this.grid = grid;
    if (this.colours) this.setColours(this.colours);
  }

  /** @param {Uint8Array} colours  (n, 4), row by row */
  setColours(colours) {
    this.colours = colours;
    if (!this.grid) return;
    const { rows } = this.grid;
    const from = new Uint32Array(colours.buffer, colours.byteOffset, colours.length / 4);
    this.laid = new Uint32Array(rows.length);
    this.anyFaint = false;
    for (let i = 0; i < rows.length; i++) {
      this.laid[i] = from[rows[i]];
      if (this.laid[i] >>> 24 < FAINT) this.anyFaint = true;
    }
  }

  /** @param {Size} _ @param {number} ratio  device pixels per CSS pixel, those of the canvas already */
  resize(_, ratio) {
    this.ratio = ratio;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** @param {Camera} camera @param {import("./map_webgl.js").Layers} layers */
  draw(camera, { pointSize, most, runs }) {
    const { image, pixels } = this;
    if (!image || !pixels) return;
    pixels.fill(0);
    if (this.grid) {
      const side = Math.max(1, Math.round(pointSize * (this.ratio ?? 1)));
      const stride = Grid.stride(runs, most);
      if (this.anyFaint) this._fill(camera, runs, { side, stride, faint: true });
      this._fill(camera, runs, { side, stride, faint: false });
    }
    this.context.putImageData(image, 0, 0);
  }

  /** @param {Camera} camera @param {[number, number][]} runs @param {{side: number, stride: number, faint: boolean}} how */
  _fill(camera, runs, { side, stride, faint }) {
    const cut = cuts(side);
    const { laid: places } = /** @type {import("./grid.js").Grid} */ (this.grid);
    const pixels = /** @type {Uint32Array} */ (this.pixels),
      laid = this.laid;
    const width = this.canvas.width,
      height = this.canvas.height;
    const scale = camera.scale * (this.ratio ?? 1);
    const left = width / 2 - camera.x * scale - side / 2,
      top = height / 2 + camera.y * scale - side / 2;
    for (const [begin, end] of runs) {
      for (let i = begin; i < end; i += stride) {
        const colour = laid[i];
        if (colour >>> 24 < FAINT !== faint) continue;
        const sx = Math.round(places[2 * i] * scale + left),
          sy = Math.round(top - places[2 * i + 1] * scale);
        const x0 = sx < 0 ? 0 : sx,
          x1 = sx + side > width ? width : sx + side;
        const y0 = sy < 0 ? 0 : sy,
          y1 = sy + side > height ? height : sy + side;
        for (let y = y0; y < y1; y++) {
          const end = y * width + Math.min(x1, sx + side - cut[y - sy]);
          for (let at = y * width + Math.max(x0, sx + cut[y - sy]); at < end; at++) pixels[at] = colour;
        }
      }
    }
  }
}

/** How many pixels each line of a disc leaves free at either end; a small one is a square. @param {number} side @returns {number[]} */
function cuts(side) {
  const middle = (side - 1) / 2;
  return Array.from({ length: side }, (_, y) =>
    side < 4 ? 0 : Math.round(side / 2 - Math.sqrt(Math.max(0, (side / 2) ** 2 - (y - middle) ** 2))),
  );
}
