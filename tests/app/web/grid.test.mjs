import assert from "node:assert/strict";
import { test } from "node:test";

import { Grid, shuffled } from "../../../src/imatlas/app/studio/web/grid.js";
import { contains, enclosed, lengthOf, simplified } from "../../../src/imatlas/app/studio/web/lasso.js";

const n = 3000;
const order = shuffled(2 * n);
const places = Float32Array.from(order, (value) => value / n - 1); // 2 n different numbers from -1 to 1, shuffled
const bounds = [-1, -1, 1, 1];
const grid = new Grid(places, bounds);

test("shuffling keeps every row once, mixes them, and does so the same each time", () => {
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 2 * n }, (_, i) => i),
  );
  assert.deepEqual(shuffled(2 * n), order);
  const first = [...order.subarray(0, n)].reduce((sum, row) => sum + row, 0) / n;
  assert.ok(Math.abs(first - n) < 100, `the first half has mean ${first}`); // standard error 22
});

test("the nearest row is that of a look at all", () => {
  for (let i = 0; i < 200; i++) {
    const [x, y] = [places[i] * 1.2, places[i + n] * 1.2];
    let best = -1,
      least = Infinity;
    for (let row = 0; row < n; row++) {
      const distance = (places[2 * row] - x) ** 2 + (places[2 * row + 1] - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    assert.equal(grid.nearestOfAll(x, y), best);
    assert.equal(grid.nearest(x, y, 0.05), Math.sqrt(least) < 0.05 ? best : -1);
  }
});

test("the rows inside bounds are those of a look at all, and the runs hold them", () => {
  const part = [-0.31, 0.02, 0.4, 0.77];
  const all = Array.from({ length: n }, (_, row) => row).filter((row) => {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    return x >= part[0] && x <= part[2] && y >= part[1] && y <= part[3];
  });
  assert.deepEqual(
    grid.inside(part).sort((a, b) => a - b),
    all,
  );
  assert.ok(grid.count(part) >= all.length && grid.count(part) < n);
  assert.equal(grid.count([2, 2, 3, 3]), 0);
});

test("rows without a place are found nowhere and counted nowhere", () => {
  const few = new Grid(Float32Array.of(0, 0, NaN, NaN, 1, 1), [0, 0, 1, 1]);
  assert.equal(few.rows.length, 2);
  assert.equal(few.nearestOfAll(0.9, 0.9), 2);
});

test("a map of one place for all is searched", () => {
  const one = new Grid(Float32Array.of(2, 2, 2, 2), [2, 2, 2, 2]);
  assert.ok(one.nearest(2, 2, 0.1) >= 0);
});

test("a loop holds what is inside it, a dent does not", () => {
  const dented = [
    [0, 0],
    [4, 0],
    [4, 4],
    [2, 1],
    [0, 4],
  ];
  assert.ok(contains(dented, 0.5, 1));
  assert.ok(!contains(dented, 2, 3));
  assert.ok(!contains(dented, 5, 1));
});

test("a loop gives the rows inside it", () => {
  const loop = [
    [-0.5, -0.5],
    [0.5, -0.5],
    [0, 0.6],
  ];
  const rows = enclosed(grid, loop);
  const all = Array.from({ length: n }, (_, row) => row).filter((row) => contains(loop, places[2 * row], places[2 * row + 1]));
  assert.deepEqual(rows, all);
  assert.ok(rows.length > 0);
  assert.deepEqual(
    enclosed(grid, [
      [0, 0],
      [1, 1],
    ]),
    [],
  );
});

test("a line drawn by hand keeps its corners alone", () => {
  const drawn = [];
  for (let i = 0; i <= 50; i++) drawn.push([i, 0.1 * Math.sin(i)]);
  for (let i = 1; i <= 50; i++) drawn.push([50, i]);
  const corners = simplified(drawn, 1);
  assert.equal(corners.length, 3);
  assert.deepEqual([corners[0], corners[2]], [drawn[0], drawn[100]]);
  assert.ok(Math.abs(lengthOf(corners) - 100) < 1);
});
