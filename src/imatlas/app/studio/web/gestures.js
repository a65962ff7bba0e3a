// Fingers, mouse, wheel and pen on the map, as what they mean: drag, pinch, click, hover, trace, ask for the menu.

/**
 * @typedef {Object} Meanings  all in CSS pixels of the map
 * @property {() => boolean} traces  whether a drag draws (a line, a loop) instead of moving the map
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, sx: number, sy: number) => void} zoom
 * @property {(sx: number, sy: number, event: PointerEvent) => void} click
 * @property {(sx: number, sy: number) => void} hover
 * @property {() => void} leave
 * @property {(phase: "begin" | "move" | "end" | "cancel", sx: number, sy: number) => void} trace
 * @property {(sx: number, sy: number) => void} menu
 */

const STILL = { mouse: 4, pen: 7, touch: 10 }; // pixels that do not count as a drag
const LONG_PRESS = 550; // ms

export class Gestures {
  /** @param {HTMLElement} host @param {Meanings} meanings */
  constructor(host, meanings) {
    this.host = host;
    this.meanings = meanings;
    /** @type {Map<number, {x: number, y: number}>} */
    this.down = new Map();
    /** @type {"none" | "pressed" | "panning" | "tracing" | "pinching" | "over"} */
    this.phase = "none";
    this.start = { x: 0, y: 0 };
    this.pressing = 0;
    host.addEventListener("pointerdown", (event) => this._down(event));
    host.addEventListener("pointermove", (event) => this._move(event));
    host.addEventListener("pointerup", (event) => this._up(event));
    host.addEventListener("pointercancel", (event) => this._cancel(event));
    host.addEventListener("pointerleave", () => meanings.leave());
    host.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    host.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      if (this.phase !== "over") meanings.menu(...this._place(event));
    });
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  _place(event) {
    const box = this.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button === 2 || /** @type {HTMLElement} */ (event.target).closest("button")) return;
    this.host.focus({ preventScroll: true });
    this.host.setPointerCapture(event.pointerId);
    const [x, y] = this._place(event);
    this.down.set(event.pointerId, { x, y });
    clearTimeout(this.pressing);
    if (this.down.size === 2) {
      if (this.phase === "tracing") this.meanings.trace("cancel", x, y);
      this.phase = "pinching";
      return;
    }
    this.phase = "pressed";
    this.start = { x, y };
    this.byHand = event.button === 1 || event.shiftKey;
    if (event.pointerType === "touch") {
      this.pressing = setTimeout(() => {
        if (this.phase !== "pressed") return;
        this.phase = "over";
        this.meanings.menu(x, y);
      }, LONG_PRESS);
    }
  }

  /** @param {PointerEvent} event */
  _move(event) {
    const [x, y] = this._place(event);
    const last = this.down.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== "touch" && !(/** @type {HTMLElement} */ (event.target).closest("button")))
        this.meanings.hover(x, y);
      return;
    }
    if (this.phase === "pinching") {
      this._pinch(event.pointerId, { x, y });
      return;
    }
    const still = STILL[/** @type {keyof STILL} */ (event.pointerType)] ?? STILL.mouse;
    if (this.phase === "pressed" && Math.hypot(x - this.start.x, y - this.start.y) > still) {
      clearTimeout(this.pressing);
      this.phase = this.meanings.traces() && !this.byHand ? "tracing" : "panning";
      if (this.phase === "tracing") this.meanings.trace("begin", this.start.x, this.start.y);
    }
    if (this.phase === "panning") this.meanings.pan(x - last.x, y - last.y);
    if (this.phase === "tracing") this.meanings.trace("move", x, y);
    if (this.phase !== "pressed") this.down.set(event.pointerId, { x, y });
  }

  /** @param {number} id @param {{x: number, y: number}} now */
  _pinch(id, now) {
    const before = [...this.down.values()];
    this.down.set(id, now);
    const after = [...this.down.values()];
    if (after.length < 2) return;
    const middle = (/** @type {{x: number, y: number}[]} */ p) => [(p[0].x + p[1].x) / 2, (p[0].y + p[1].y) / 2];
    const apart = (/** @type {{x: number, y: number}[]} */ p) => Math.max(8, Math.hypot(p[0].x - p[1].x, p[0].y - p[1].y));
    const [bx, by] = middle(before),
      [ax, ay] = middle(after);
    this.meanings.pan(ax - bx, ay - by);
    this.meanings.zoom(apart(after) / apart(before), ax, ay);
  }

  /** @param {PointerEvent} event */
  _up(event) {
    if (!this.down.delete(event.pointerId)) return;
    clearTimeout(this.pressing);
    const [x, y] = this._place(event);
    const phase = this.phase;
    this.phase = this.down.size ? "over" : "none"; // one finger of a pinch is left: it does nothing more
    if (phase === "pressed") this.meanings.click(x, y, event);
    if (phase === "tracing") this.meanings.trace("end", x, y);
  }

  /** @param {PointerEvent} event */
  _cancel(event) {
    if (!this.down.delete(event.pointerId)) return;
    clearTimeout(this.pressing);
    if (this.phase === "tracing") this.meanings.trace("cancel", 0, 0);
    this.phase = this.down.size ? "over" : "none";
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 400 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0016; // a pinch on a touchpad comes as a small turn with Ctrl
    this.meanings.zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) * speed), ...this._place(event));
  }
}
