import assert from "node:assert/strict";
import { test } from "node:test";

import { namesOf } from "../../../src/imatlas/app/studio/web/overlay.js";
import { Grid, shuffled } from "../../../src/imatlas/app/studio/web/grid.js";
import { apart, onePerCell, Thumbnails } from "../../../src/imatlas/app/studio/web/thumbnails.js";

const n = 2000;
const places = Float32Array.from(shuffled(2 * n), (value) => value / n - 1);
const rows = Array.from({ length: n }, (_, row) => row);
const size = { width: 800, height: 600 };
const grid = new Grid(places, [-1, -1, 1, 1]);
const opaque = new Uint8Array(4 * n).fill(255);
const camera = { x: 0, y: 0, scale: 300 };

test("each square of the lattice has one image, the first that is given", () => {
  const chosen = onePerCell(rows, places, 0.25);
  assert.equal(chosen.length, 64);
  const cell = (row) => [Math.floor(places[2 * row] / 0.25), Math.floor(places[2 * row + 1] / 0.25)].join();
  for (const row of chosen)
    assert.equal(
      row,
      rows.find((other) => cell(other) === cell(row)),
    );
});

test("images that stand apart are kept, of those that cover one another the first", () => {
  assert.deepEqual(apart([0, 1, 2], Float32Array.of(0, 0, 0.05, 0.05, 1, 1), 0.1), [0, 2]);
  const kept = apart(rows, places, 0.2);
  for (const a of kept) {
    for (const b of kept)
      assert.ok(
        a === b || Math.abs(places[2 * a] - places[2 * b]) >= 0.2 || Math.abs(places[2 * a + 1] - places[2 * b + 1]) >= 0.2,
      );
  }
});

test("closer by, images are larger and more of those in sight are shown", () => {
  const thumbnails = new Thumbnails({ n, places, grid }, () => {});
  const far = thumbnails.choose(camera, size, { fitted: 300, colours: opaque });
  const near = thumbnails.choose({ ...camera, scale: 6000 }, size, { fitted: 300, colours: opaque });
  assert.ok(near.side > far.side);
  assert.ok(far.rows.length < n / 4);
  assert.ok(near.rows.length > 0.5 * grid.inside([-0.07, -0.05, 0.07, 0.05]).length);
});

test("what is faint gives way to what stands out", () => {
  const colours = opaque.slice();
  for (let row = 0; row < n - 20; row++) colours[4 * row + 3] = 38;
  const { rows: chosen } = new Thumbnails({ n, places, grid }, () => {}).choose(camera, size, { fitted: 300, colours });
  const bright = chosen.filter((row) => row >= n - 20);
  assert.deepEqual(
    bright,
    apart(onePerCell(rows.slice(n - 20), places, 2 ** Math.ceil(Math.log2(26 / 300) - 0.5)), places, (0.9 * 26) / 300),
  );
});

test("too many images in sight are points alone", () => {
  const many = { n: 30_000, places: new Float32Array(60_000), grid: new Grid(new Float32Array(60_000), [0, 0, 0, 0]) };
  assert.deepEqual(new Thumbnails(many, () => {}).choose(camera, size, { fitted: 300, colours: opaque }).rows, []);
});

test("names stand at the median place of their groups, the largest first; a group without images has none", () => {
  const labels = Int32Array.of(0, 1, 1, 1, -1);
  const names = namesOf(labels, Float32Array.of(5, 5, 0, 0, 1, 2, 9, 4, 7, 7), ["small", "large", "empty"]);
  assert.deepEqual(
    names.map(({ text, x, y }) => [text, x, y]),
    [
      ["large", 1, 2],
      ["small", 5, 5],
    ],
  );
});
