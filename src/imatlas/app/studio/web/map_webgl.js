// The points of the map by WebGL2: one buffer of places, one of colours, both in the order of the grid's cells, so that
// what is seen is a few runs of them. While a map moves that is too large to be drawn in time, a sample of them stands for all.

import { Grid } from "./grid.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./camera.js").Size} Size */
/**
 * @typedef {Object} Layers  how the points are drawn
 * @property {number} pointSize  in CSS pixels
 * @property {number} most  points that may be drawn; of more, a sample is
 * @property {[number, number][]} runs  of the grid's rows: what is seen
 */

const VERTEX = `#version 300 es
in vec2 place; in vec4 colour; out vec4 tint;
uniform vec2 scale; uniform vec2 shift; uniform float size;
void main() { gl_Position = vec4(place * scale + shift, 0.0, 1.0); gl_PointSize = size; tint = vec4(colour.rgb * colour.a, colour.a); }`;
const SQUARE = `#version 300 es
precision mediump float; in vec4 tint; out vec4 drawn;
void main() { drawn = tint; }`;
const ROUND = `#version 300 es
precision highp float; in vec4 tint; out vec4 drawn; uniform float size;
void main() { float away = length(gl_PointCoord - 0.5) * size; drawn = tint * clamp(size * 0.5 - away + 0.5, 0.0, 1.0); }`;

export class WebglMap {
  /**
   * Give what draws WebGL2 in this browser: "hardware", "software" or "nothing".
   *
   * SwiftShader and llvmpipe take about eight times as long for points as writing them into an image does.
   */
  static drawnBy() {
    const gl = document.createElement("canvas").getContext("webgl2");
    if (gl === null) return "nothing";
    const known = gl.getExtension("WEBGL_debug_renderer_info");
    const name = String(gl.getParameter(known ? known.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name) ? "software" : "hardware";
  }

  /**
   * Give a map drawn by WebGL2, or null where the browser has none.
   * @param {HTMLCanvasElement} canvas
   */
  static on(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, powerPreference: "low-power" });
    return gl === null ? null : new WebglMap(canvas, gl);
  }

  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.kind = "WebGL";
    this.mostPixels = 2;
    /** @type {import("./grid.js").Grid | null} */
    this.grid = null;
    /** @type {Uint8Array | null} */
    this.colours = null;
    /** called when the browser has given back what it took: draw again */
    this.onrestored = () => {};
    /** @type {{program: WebGLProgram, scale: WebGLUniformLocation | null, shift: WebGLUniformLocation | null, size: WebGLUniformLocation | null}[]} */
    this.programs = [];
    /** @type {WebGLBuffer | null} */
    this.placeBuffer = null;
    /** @type {WebGLBuffer | null} */
    this.colourBuffer = null;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this._build();
      this.onrestored();
    });
    this._build();
  }

  /** @param {import("./grid.js").Grid} grid  of the places */
  setPoints(grid) {
    this.grid = grid;
    const { gl } = this,
      { laid: places } = grid;
    this.centre = [grid.x0 + (grid.cell[0] * grid.side) / 2, grid.y0 + (grid.cell[1] * grid.side) / 2];
    this.half = (Math.max(grid.cell[0], grid.cell[1]) * grid.side) / 2;
    const laid = new Float32Array(places.length);
    for (let i = 0; i < places.length; i += 2) {
      laid[i] = (places[i] - this.centre[0]) / this.half;
      laid[i + 1] = (places[i + 1] - this.centre[1]) / this.half;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.placeBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, laid, gl.STATIC_DRAW);
    if (this.colours) this.setColours(this.colours);
  }

  /** @param {Uint8Array} colours  (n, 4), row by row */
  setColours(colours) {
    this.colours = colours;
    if (!this.grid) return;
    const { gl } = this,
      { rows } = this.grid;
    const from = new Uint32Array(colours.buffer, colours.byteOffset, colours.length / 4),
      laid = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) laid[i] = from[rows[i]];
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colourBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, laid, gl.DYNAMIC_DRAW);
  }

  /** @param {Size} size @param {number} ratio  device pixels per CSS pixel */
  resize(size, ratio) {
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(size.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(size.height * this.ratio));
    this.size = size;
  }

  /** @param {Camera} camera @param {Layers} layers */
  draw(camera, { pointSize, most, runs }) {
    const { gl, canvas, size } = this;
    if (!size || gl.isContextLost()) return;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.grid || !this.centre || !this.half) return;
    const pixels = Math.max(1, pointSize * (this.ratio ?? 1));
    const program = this.programs[pixels > 3 ? 1 : 0];
    gl.useProgram(program.program);
    const across = (2 * camera.scale) / size.width,
      up = (2 * camera.scale) / size.height;
    gl.uniform2f(program.scale, across * this.half, up * this.half);
    gl.uniform2f(program.shift, (this.centre[0] - camera.x) * across, (this.centre[1] - camera.y) * up);
    gl.uniform1f(program.size, pixels);
    const stride = Grid.stride(runs, most);
    this._point(stride);
    for (const [begin, end] of runs) {
      gl.drawArrays(
        gl.POINTS,
        Math.ceil(begin / stride),
        Math.max(0, Math.floor((end - 1) / stride) - Math.ceil(begin / stride) + 1),
      );
    }
  }

  /** @param {number} stride  every how many rows one is drawn */
  _point(stride) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.placeBuffer);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 8 * stride, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colourBuffer);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 4 * stride, 0);
  }

  _build() {
    const { gl } = this;
    this.programs = [SQUARE, ROUND].map((fragment) => {
      const program = gl.createProgram();
      for (const [kind, source] of /** @type {[number, string][]} */ ([
        [gl.VERTEX_SHADER, VERTEX],
        [gl.FRAGMENT_SHADER, fragment],
      ])) {
        const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
        gl.shaderSource(shader, source);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
      }
      gl.bindAttribLocation(program, 0, "place");
      gl.bindAttribLocation(program, 1, "colour");
      gl.linkProgram(program);
      if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
        throw new Error(gl.getProgramInfoLog(program) ?? "no program");
      const at = (/** @type {string} */ name) => gl.getUniformLocation(program, name);
      return { program, scale: at("scale"), shift: at("shift"), size: at("size") };
    });
    this.placeBuffer = gl.createBuffer();
    this.colourBuffer = gl.createBuffer();
    gl.enableVertexAttribArray(0);
    gl.enableVertexAttribArray(1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0, 0, 0, 0);
    if (this.grid) this.setPoints(this.grid);
  }
}
