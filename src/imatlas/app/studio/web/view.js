// The map as it is seen: a camera, the points, the images and marks over them. It draws only when something has changed.

import { between, fit, pan, seen, toScreen, toWorld, within, zoomAt } from "./camera.js";
import { CanvasMap } from "./map_canvas.js";
import { WebglMap } from "./map_webgl.js";
import { drawMarks, drawNames, noMarks, themeOf } from "./overlay.js";
import { Thumbnails } from "./thumbnails.js";
import { calm } from "./dom.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {[number, number]} Point */

const SETTLED = 160; // ms after the last movement
const GLIDE = 420; // ms
const SLOW = 34,
  QUICK = 22; // ms between two frames of a movement
const LEAST = 12_000,
  MOST = 400_000; // points drawn in one frame of a movement

export class View {
  /**
   * @param {{host: HTMLElement, points: HTMLCanvasElement, over: HTMLCanvasElement}} parts
   * @param {import("./atlas.js").Atlas} atlas
   * @param {{camera: Camera | null, drawnBy: string | null}} how  drawnBy: "webgl" or "canvas"; null = the quicker one here
   */
  constructor({ host, points, over }, atlas, { camera, drawnBy }) {
    this.host = host;
    this.atlas = atlas;
    this.over = over;
    const webgl = WebglMap.drawnBy();
    this.context = /** @type {CanvasRenderingContext2D} */ (
      over.getContext("2d", { willReadFrequently: webgl !== "hardware" })
    );
    this.renderer =
      ((drawnBy ? drawnBy === "webgl" : webgl === "hardware") ? WebglMap.on(points) : null) ?? new CanvasMap(this.context);
    this.renderer.onrestored = () => this.redraw();
    this.thumbnails = new Thumbnails(atlas, () => this.redraw());
    this.marks = noMarks();
    this.theme = themeOf();
    /** @type {Uint8Array} */
    this.colours = new Uint8Array(4 * atlas.n);
    /** @type {import("./overlay.js").Name[]} */
    this.names = [];
    /** @type {number | null} */
    this.lit = null;
    /** whether all of the map is shown, whatever the size of the window */
    this.whole = camera === null;
    this.size = { width: 0, height: 0 };
    this.camera = camera ?? { x: 0, y: 0, scale: 1 };
    /** @type {((camera: Camera) => void)[]} */
    this._followers = [];
    /** @type {(() => void)[]} */
    this._settlers = [];
    this._frame = 0;
    this._settling = 0;
    this._glide = 0;
    this.moving = false;
    this.most = 150_000;
    this._last = 0;
    new ResizeObserver(() => this._resize()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.theme = themeOf();
      this.redraw();
    });
    this._resize();
    this.renderer.setPoints(atlas.grid);
  }

  /** What covers the edges of the map: the legend, the tools. */
  get room() {
    const bottom = this.host.parentElement?.classList.contains("with-tray") ? 118 : 30;
    return this.size.width > 700 ? { left: 222, top: 76, right: 64, bottom } : { left: 30, top: 70, right: 60, bottom };
  }

  get fitted() {
    return fit(this.atlas.bounds, this.size, this.room).scale;
  }

  /** @param {(camera: Camera) => void} follow  called after each frame, for what is laid over the map */
  onframe(follow) {
    this._followers.push(follow);
  }

  /** @param {() => void} react  called when the camera rests */
  onsettled(react) {
    this._settlers.push(react);
  }

  /** @param {number} x @param {number} y @returns {Point} pixels */
  at(x, y) {
    return toScreen(this.camera, this.size, x, y);
  }

  /** @param {number} sx @param {number} sy @returns {Point} map units */
  under(sx, sy) {
    return toWorld(this.camera, this.size, sx, sy);
  }

  /** The image under a point of the screen, -1 for none. @param {number} sx @param {number} sy @param {number} [reach] in pixels */
  hit(sx, sy, reach = 12) {
    const { rows, side } = this.shown ?? { rows: [], side: 0 };
    for (let i = rows.length - 1; i >= 0; i--) {
      // the last drawn lies on top
      const [x, y] = this.at(...this.atlas.place(rows[i]));
      if (Math.abs(x - sx) <= side / 2 + 2 && Math.abs(y - sy) <= side / 2 + 2) return rows[i];
    }
    const [x, y] = this.under(sx, sy);
    return this.atlas.grid.nearest(x, y, reach / this.camera.scale);
  }

  /** @param {Uint8Array} colours */
  paint(colours) {
    this.colours = colours;
    this.renderer.setColours(colours);
    this.redraw();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this._moveTo(within(pan(this.camera, dx, dy), this.atlas.bounds));
  }

  /** @param {number} factor @param {number} [sx] @param {number} [sy] */
  zoom(factor, sx = this.size.width / 2, sy = this.size.height / 2) {
    this._moveTo(within(zoomAt(this.camera, this.size, { factor, sx, sy, fitted: this.fitted }), this.atlas.bounds));
  }

  /** Zoom evenly, as buttons and keys do. @param {number} factor */
  zoomSmoothly(factor) {
    this.go(zoomAt(this.camera, this.size, { factor, sx: this.size.width / 2, sy: this.size.height / 2, fitted: this.fitted }));
  }

  /** Show all. */
  fit() {
    this.go(fit(this.atlas.bounds, this.size, this.room), true);
  }

  /** Show some rows, not closer than is of use. @param {number[]} rows */
  show(rows) {
    if (!rows.length) return;
    const xs = rows.map((row) => this.atlas.place(row)[0]).sort((a, b) => a - b);
    const ys = rows.map((row) => this.atlas.place(row)[1]).sort((a, b) => a - b);
    const cut = Math.floor(rows.length * 0.02); // a few strays shall not decide
    const room = 12 * this.atlas.spacing;
    const part = /** @type {[number, number, number, number]} */ ([
      xs[cut] - room,
      ys[cut] - room,
      xs[xs.length - 1 - cut] + room,
      ys[ys.length - 1 - cut] + room,
    ]);
    this.go(fit(part, this.size, this.room));
  }

  /** Bring a place into sight if it is not. @param {number} x @param {number} y */
  reveal(x, y) {
    const [sx, sy] = this.at(x, y),
      edge = 60;
    if (sx < edge || sy < edge || sx > this.size.width - edge || sy > this.size.height - edge)
      this.go({ x, y, scale: this.camera.scale });
  }

  /** Go to a camera, gliding unless the person asked for calm. @param {Camera} to @param {boolean} [whole] */
  go(to, whole = false) {
    cancelAnimationFrame(this._glide);
    const from = this.camera,
      begun = performance.now();
    const step = (/** @type {number} */ now) => {
      const share = calm() ? 1 : Math.min(1, Math.max(0, (now - begun) / GLIDE));
      this._moveTo(share === 1 ? to : between(from, to, share));
      this.whole = whole && share === 1;
      if (share < 1) this._glide = requestAnimationFrame(step);
    };
    step(begun);
  }

  redraw() {
    if (this._frame) return;
    this._frame = requestAnimationFrame((now) => {
      this._frame = 0;
      if (this.moving) this._pace(now - this._last);
      this._last = now;
      this._draw();
    });
  }

  /** Draw fewer points where frames of a movement come late, more where they come early. @param {number} gap  in ms since the last */
  _pace(gap) {
    if (gap > SLOW && gap < 2000) this.most = Math.max(LEAST, this.most * 0.75);
    else if (gap < QUICK) this.most = Math.min(MOST, this.most * 1.15);
  }

  /** @param {Camera} camera */
  _moveTo(camera) {
    cancelAnimationFrame(this._glide);
    this.camera = camera;
    this.whole = false;
    this.moving = true;
    clearTimeout(this._settling);
    this._settling = setTimeout(() => {
      this.moving = false;
      this.redraw();
      for (const react of this._settlers) react();
    }, SETTLED);
    this.redraw();
  }

  _resize() {
    const size = { width: this.host.clientWidth, height: this.host.clientHeight };
    if (!size.width || !size.height || (size.width === this.size.width && size.height === this.size.height)) return;
    this.size = size;
    this.ratio = Math.min(devicePixelRatio, this.renderer.mostPixels);
    this.over.width = Math.max(1, Math.round(size.width * this.ratio));
    this.over.height = Math.max(1, Math.round(size.height * this.ratio));
    this.renderer.resize(size, this.ratio);
    if (this.whole) this.camera = fit(this.atlas.bounds, size, this.room);
    this._draw();
  }

  /** Whether any image is in sight. */
  get anything() {
    const { grid } = this.atlas,
      part = seen(this.camera, this.size);
    return grid.count(part) > 5000 || grid.inside(part).length > 0;
  }

  /** The side of a point in CSS pixels: what leaves room between points on average, growing as one zooms in. */
  get pointSize() {
    const room = Math.sqrt((this.size.width * this.size.height) / Math.max(1, this.atlas.n));
    return Math.min(11, Math.max(1.6, Math.min(0.62 * room, 6) * Math.sqrt(this.camera.scale / this.fitted)));
  }

  _draw() {
    const { camera, size, context, atlas } = this;
    if (!size.width) return;
    const pointSize = this.pointSize;
    context.setTransform(this.ratio ?? 1, 0, 0, this.ratio ?? 1, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    this.renderer.draw(camera, {
      pointSize,
      most: this.moving ? this.most : Infinity,
      runs: atlas.grid.runs(seen(camera, size, 12)),
    });
    const at = (/** @type {number} */ x, /** @type {number} */ y) => this.at(x, y);
    const place = (/** @type {number} */ row) => atlas.place(row);
    const rowAt = (/** @type {number} */ row) => at(...place(row));
    const chosen = this.thumbnails.choose(camera, size, { fitted: this.fitted, colours: this.colours });
    const drawn = this.thumbnails.draw(context, chosen, { at: rowAt, colours: this.colours, ground: this.theme.paper });
    this.shown = drawn ? chosen : null;
    if (!drawn || drawn < 40 || this.lit !== null)
      drawNames(context, this.names, { at, size, theme: this.theme, lit: this.lit });
    const radius = Math.max(6, pointSize / 2 + 4);
    drawMarks(context, this.marks, {
      at,
      place,
      size,
      theme: this.theme,
      radius,
      shown: new Set(this.shown?.rows),
      side: chosen.side,
    });
    for (const follow of this._followers) follow(camera);
  }
}
