// What the tools do on the map: a press, a drag and the keyboard, each as the chosen tool says.

import { announce, complain, el, get, say } from "./dom.js";
import { Gestures } from "./gestures.js";
import { enclosed, lengthOf, simplified } from "./lasso.js";
import { openMenu } from "./menu.js";
import { drawLine } from "./path_panel.js";

/** @typedef {[number, number]} Point */

const TOOLS = [
  { name: "look", title: "Look", key: "V", says: "Press an image to know more about it. Drag to move the map." },
  { name: "draw", title: "Draw", key: "D", says: "Press a place: a new image appears there." },
  { name: "line", title: "Line", key: "L", says: "Drag a line: a morph along it. Hold Shift to move the map." },
  { name: "lasso", title: "Lasso", key: "S", says: "Drag a loop round images to choose them. Hold Shift to move the map." },
];
const STEP = 60; // pixels of an arrow key

export class Hands {
  /**
   * @param {import("./state.js").Studio} studio
   * @param {{view: import("./view.js").View, chosen: import("./chosen.js").Chosen, drawing: import("./drawing.js").Drawing,
   *   hover: import("./hover.js").Hover, paths: import("./path_panel.js").PathPanel}} parts
   */
  constructor(studio, { view, chosen, drawing, hover, paths }) {
    this.studio = studio;
    this.view = view;
    this.chosen = chosen;
    this.drawing = drawing;
    this.hover = hover;
    this.paths = paths;
    /** the corners of a line or loop set by the keyboard
     * @type {Point[]} */
    this.corners = [];
    this._tools();
    new Gestures(view.host, {
      traces: () => studio.seen.tool === "line" || studio.seen.tool === "lasso",
      pan: (dx, dy) => {
        hover.leave();
        view.pan(dx, dy);
      },
      zoom: (factor, sx, sy) => view.zoom(factor, sx, sy),
      click: (sx, sy, event) => this.press(sx, sy, event.ctrlKey || event.metaKey),
      hover: (sx, sy) => hover.at(sx, sy),
      leave: () => hover.leave(),
      trace: (phase, sx, sy) => this._trace(phase, [sx, sy]),
      menu: (sx, sy) => this.menu(sx, sy),
    });
    view.host.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this._key(event));
    view.host.addEventListener("pointerdown", () => {
      this._cross(false);
      view.host.classList.add("by-hand");
    });
    view.host.addEventListener("focus", () => this._cross(view.host.matches(":focus-visible")));
    view.host.addEventListener("blur", () => this._cross(false));
    view.onsettled(() => {
      if (view.marks.cross) hover.cross();
    });
  }

  /** Act at a point of the screen as the tool says. @param {number} sx @param {number} sy @param {boolean} more  add to what is chosen */
  press(sx, sy, more = false) {
    const { view, studio } = this;
    if (studio.seen.tool === "draw") {
      this.drawing.at(view.under(sx, sy)).catch(complain);
      return;
    }
    const row = view.hit(sx, sy);
    if (row < 0) {
      if (!more) this.chosen.clear();
    } else if (more) this.chosen.toggle(row);
    else this.chosen.choose([row]);
  }

  /** @param {number} sx @param {number} sy */
  menu(sx, sy) {
    const { view, chosen, drawing, paths } = this,
      place = view.under(sx, sy),
      row = view.hit(sx, sy, 24);
    this.hover.leave();
    const url = `/api/images/${row}.png`;
    openMenu(sx, sy, [
      { title: "Draw an image here", run: () => drawing.at(place).catch(complain) },
      ...(row >= 0
        ? [
            { title: "Look at this image", run: () => chosen.choose([row]) },
            { title: chosen.rows.includes(row) ? "Choose one less" : "Choose this one too", run: () => chosen.toggle(row) },
            { title: "Path from this image", run: () => paths.end("from", { row }, url) },
            { title: "Path to this image", run: () => paths.end("to", { row }, url) },
          ]
        : []),
      { title: "Come closer", run: () => view.zoom(2.5, sx, sy) },
    ]);
  }

  /** @param {string} name */
  tool(name) {
    this.studio.set({ tool: name });
    this._let();
    const tool = TOOLS.find((one) => one.name === name);
    if (tool) announce(`${tool.title}. ${tool.says}`);
  }

  _tools() {
    const { studio } = this,
      host = get("tools");
    const radios = TOOLS.map(({ name, title, key, says }) => {
      const radio = el("input", {
        type: "radio",
        name: "tool",
        value: name,
        "aria-keyshortcuts": key.toLowerCase(),
        onchange: () => this.tool(name),
      });
      host.append(el("label", { title: `${says} (${key})` }, radio, el("span", {}, title)));
      return radio;
    });
    const show = () => {
      for (const radio of radios) radio.checked = radio.value === studio.seen.tool;
      this.view.host.dataset.tool = studio.seen.tool;
    };
    studio.on("tool", show);
    show();
  }

  /** @param {"begin" | "move" | "end" | "cancel"} phase @param {Point} at  pixels */
  _trace(phase, [sx, sy]) {
    const { view } = this,
      place = view.under(sx, sy);
    if (phase === "begin") {
      this.hover.leave();
      this.corners = [];
    }
    if (phase === "cancel") return this._let();
    this.corners.push(place);
    if (phase === "end") this._finish();
    else this._draft();
  }

  _draft() {
    const lasso = this.studio.seen.tool === "lasso";
    Object.assign(this.view.marks, lasso ? { loop: this.corners } : { line: this.corners, dots: [], here: null });
    this.view.redraw();
  }

  _finish() {
    const { view, corners } = this;
    this.corners = [];
    view.marks.loop = [];
    if (this.studio.seen.tool === "lasso") {
      const rows = enclosed(view.atlas.grid, corners);
      if (rows.length) this.chosen.choose(rows);
      else say("There are no images in this loop.");
    } else {
      const line = simplified(corners, 3 / view.camera.scale);
      if (lengthOf(line) * view.camera.scale > 12) drawLine(this.paths, line);
      else view.marks.line = [];
    }
    view.redraw();
  }

  /** Let go of what is half drawn. */
  _let() {
    if (this.corners.length) this.view.marks.line = [];
    this.corners = [];
    this.view.marks.loop = [];
    this.view.redraw();
  }

  /** @param {boolean} on */
  _cross(on) {
    this.view.marks.cross = on;
    this.view.redraw();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.view.host) return;
    const { view } = this,
      step = event.shiftKey ? STEP / 6 : STEP;
    const [cx, cy] = [view.size.width / 2, view.size.height / 2];
    view.host.classList.remove("by-hand");
    const act = /** @type {Record<string, () => void>} */ ({
      ArrowLeft: () => view.pan(step, 0),
      ArrowRight: () => view.pan(-step, 0),
      ArrowUp: () => view.pan(0, step),
      ArrowDown: () => view.pan(0, -step),
      Enter: () => this._enter(event.shiftKey),
      " ": () => this._enter(event.shiftKey),
      m: () => this.menu(cx, cy),
    })[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    this._cross(true);
    act();
  }

  /** Act at the cross. @param {boolean} close  end the line or loop here */
  _enter(close) {
    const { view } = this,
      [cx, cy] = [view.size.width / 2, view.size.height / 2],
      { tool } = this.studio.seen;
    if (tool === "look" || tool === "draw") return this.press(cx, cy, close);
    this.corners = [...this.corners, view.under(cx, cy)];
    if (close && this.corners.length > (tool === "lasso" ? 2 : 1)) return this._finish();
    this._draft();
    announce(`Corner ${this.corners.length} set. Shift and Enter sets the last one.`);
  }
}
