// What is drawn over the points: names of groups, rings round chosen images, the loop or line under way, the cross of the keyboard.

import { css, ofGroup } from "./colours.js";

const MOST_FOUND = 240,
  MOST_CHOSEN = 40;
const MOST_NAMES = 36;

/** @typedef {[number, number]} Point */
/** @typedef {{ink: string, soft: string, paper: string, card: string, accent: string, line: string}} Theme */
/**
 * @typedef {Object} Marks  all in map units
 * @property {number} hover  a row, -1 = none
 * @property {number[]} chosen
 * @property {number[]} found
 * @property {Point[]} loop  a lasso under way
 * @property {Point[]} line  a line under way or walked along
 * @property {Point[]} dots  where the frames of a walk lie
 * @property {Point | null} here  the frame that is played
 * @property {Point | null} dropped  the place of a dropped picture
 * @property {[Point, Point] | null} link  where a drawn image was asked for and where it lies
 * @property {{at: Point, nearest: Point} | null} off  a place without images
 * @property {boolean} cross
 */

/** @returns {Marks} */
export const noMarks = () => ({
  hover: -1,
  chosen: [],
  found: [],
  loop: [],
  line: [],
  dots: [],
  here: null,
  dropped: null,
  link: null,
  off: null,
  cross: false,
});

/** @returns {Theme} the colours of the page as it is now */
export function themeOf() {
  const style = getComputedStyle(document.documentElement);
  const read = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: read("ink"),
    soft: read("soft"),
    paper: read("paper"),
    card: read("card"),
    accent: read("accent"),
    line: read("line"),
  };
}

/**
 * Draw all marks.
 * @param {CanvasRenderingContext2D} context @param {Marks} marks
 * @param {{at: (x: number, y: number) => Point, place: (row: number) => Point, size: {width: number, height: number},
 *   theme: Theme, radius: number, shown: Set<number>, side: number}} how  radius: of a ring about a point in pixels; shown: the rows
 *   whose images are drawn, and their side
 */
export function drawMarks(context, marks, { at, place, size, theme, radius, shown, side }) {
  const ring = (/** @type {number} */ row, /** @type {string} */ colour, /** @type {number} */ more) => {
    const [x, y] = at(...place(row)),
      r = shown.has(row) ? side / 2 + 3 + more : radius + more;
    context.beginPath();
    if (shown.has(row)) context.roundRect(x - r, y - r, 2 * r, 2 * r, 4);
    else context.arc(x, y, r, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = theme.paper;
    context.stroke();
    context.lineWidth = 2.5;
    context.strokeStyle = colour;
    context.stroke();
  };
  for (const row of marks.found.slice(0, MOST_FOUND)) ring(row, theme.ink, 0);
  if (marks.chosen.length <= MOST_CHOSEN) for (const row of marks.chosen) ring(row, theme.accent, 1); // of more, the others are faint
  if (marks.hover >= 0) ring(marks.hover, theme.ink, 0);
  if (marks.link)
    drawLink(
      context,
      marks.link.map((p) => at(...p)),
      theme,
    );
  drawWay(context, marks, { at, theme });
  if (marks.off) drawOff(context, marks.off, { at, theme });
  if (marks.dropped) diamond(context, at(...marks.dropped), theme);
  if (marks.cross) cross(context, [size.width / 2, size.height / 2], theme);
}

/** @param {CanvasRenderingContext2D} context @param {Point[]} points  in pixels @param {Theme} theme */
function stroke(context, points, theme) {
  context.lineJoin = context.lineCap = "round";
  for (const [width, colour] of /** @type {[number, string][]} */ ([
    [6, theme.paper],
    [2.5, theme.accent],
  ])) {
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {Marks} marks @param {{at: (x: number, y: number) => Point, theme: Theme}} how */
function drawWay(context, marks, { at, theme }) {
  if (marks.loop.length) {
    const loop = marks.loop.map((p) => at(...p));
    context.beginPath();
    loop.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.globalAlpha = 0.12;
    context.fillStyle = theme.accent;
    context.fill();
    context.globalAlpha = 1;
    stroke(context, [...loop, loop[0]], theme);
  }
  if (marks.line.length) {
    const line = marks.line.map((p) => at(...p));
    stroke(context, line, theme);
    disc(context, line[0], { r: 5, fill: theme.accent, theme });
    disc(context, line[line.length - 1], { r: 5, fill: theme.accent, theme });
  }
  for (const dot of marks.dots) disc(context, at(...dot), { r: 3.5, fill: theme.ink, theme });
  if (marks.here) disc(context, at(...marks.here), { r: 8, fill: theme.accent, theme });
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {{r: number, fill: string, theme: Theme}} how */
function disc(context, [x, y], { r, fill, theme }) {
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = theme.paper;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context @param {{at: Point, nearest: Point}} off
 * @param {{at: (x: number, y: number) => Point, theme: Theme}} how
 */
function drawOff(context, off, { at, theme }) {
  const [x, y] = at(...off.at),
    [nx, ny] = at(...off.nearest);
  context.setLineDash([5, 5]);
  context.lineWidth = 1.5;
  context.strokeStyle = theme.soft;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(nx, ny);
  context.arc(x, y, 15, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x - 5, y - 5);
  context.lineTo(x + 5, y + 5);
  context.moveTo(x + 5, y - 5);
  context.lineTo(x - 5, y + 5);
  context.strokeStyle = theme.ink;
  context.stroke();
  disc(context, [nx, ny], { r: 5, fill: theme.soft, theme });
}

/** @param {CanvasRenderingContext2D} context @param {Point[]} ends  in pixels @param {Theme} theme */
function drawLink(context, [from, to], theme) {
  context.setLineDash([4, 4]);
  context.lineWidth = 1.5;
  context.strokeStyle = theme.accent;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
  context.setLineDash([]);
  disc(context, to, { r: 4.5, fill: theme.accent, theme });
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {Theme} theme */
function diamond(context, [x, y], theme) {
  context.beginPath();
  for (const [dx, dy] of [
    [0, -11],
    [11, 0],
    [0, 11],
    [-11, 0],
  ])
    context.lineTo(x + dx, y + dy);
  context.closePath();
  context.fillStyle = theme.accent;
  context.fill();
  context.lineWidth = 2.5;
  context.strokeStyle = theme.paper;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {Theme} theme */
function cross(context, [x, y], theme) {
  for (const [width, colour] of /** @type {[number, string][]} */ ([
    [5, theme.paper],
    [2, theme.ink],
  ])) {
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      context.moveTo(x + 5 * dx, y + 5 * dy);
      context.lineTo(x + 15 * dx, y + 15 * dy);
    }
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

/** @typedef {{group: number, text: string, x: number, y: number, size: number}} Name */

/**
 * Give where the names of groups stand: at the median place of each, the largest groups first.
 * @param {Int32Array} labels @param {Float32Array} places @param {string[]} groups
 * @returns {Name[]}
 */
export function namesOf(labels, places, groups) {
  /** @type {number[][]} */
  const xs = groups.map(() => []);
  /** @type {number[][]} */
  const ys = groups.map(() => []);
  const step = Math.max(1, Math.floor(labels.length / 60_000)); // a sample is enough for a median
  for (let row = 0; row < labels.length; row += step) {
    const group = labels[row],
      x = places[2 * row];
    if (group < 0 || group >= groups.length || x !== x) continue;
    xs[group].push(x);
    ys[group].push(places[2 * row + 1]);
  }
  const middle = (/** @type {number[]} */ v) => v.sort((a, b) => a - b)[v.length >> 1];
  const names = groups.map((text, group) => ({
    group,
    text,
    x: middle(xs[group]),
    y: middle(ys[group]),
    size: xs[group].length,
  }));
  return names.filter((name) => name.size > 0).sort((a, b) => b.size - a.size);
}

/**
 * Write the names that fit without touching one another.
 * @param {CanvasRenderingContext2D} context @param {Name[]} names
 * @param {{at: (x: number, y: number) => Point, size: {width: number, height: number}, theme: Theme, lit: number | null}} how
 */
export function drawNames(context, names, { at, size, theme, lit }) {
  /** @type {[number, number, number, number][]} */
  const taken = [];
  context.font = '600 13px system-ui, "DejaVu Sans", sans-serif';
  context.textBaseline = "middle";
  for (const name of names) {
    if (taken.length >= MOST_NAMES) return;
    if (lit !== null && name.group !== lit) continue;
    const [x, y] = at(name.x, name.y);
    const text = name.text.length > 26 ? `${name.text.slice(0, 25)}…` : name.text;
    const wide = context.measureText(text).width + 24,
      box = /** @type {[number, number, number, number]} */ ([x - wide / 2, y - 11, x + wide / 2, y + 11]);
    if (box[2] < 0 || box[3] < 0 || box[0] > size.width || box[1] > size.height) continue;
    if (taken.some((other) => box[0] < other[2] + 4 && box[2] > other[0] - 4 && box[1] < other[3] + 2 && box[3] > other[1] - 2))
      continue;
    taken.push(box);
    context.globalAlpha = 0.86;
    context.fillStyle = theme.card;
    context.beginPath();
    context.roundRect(box[0], box[1], wide, 22, 6);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = css(ofGroup(name.group));
    context.fillRect(box[0] + 7, y - 4, 8, 8);
    context.fillStyle = theme.ink;
    context.fillText(text, box[0] + 19, y + 0.5);
  }
}
