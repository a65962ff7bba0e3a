import assert from "node:assert/strict";
import { test } from "node:test";

import { GROUPS, ofGroup, ofShare, paintRows } from "../../../src/imatlas/app/studio/web/colours.js";
import { AT_FIRST, read, write } from "../../../src/imatlas/app/studio/web/hash.js";

const lightness = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const plain = { labels: null, values: null, low: 0, high: 1, flags: new Uint8Array(4), dark: false, lit: null, chosen: null };

test("the first thirty groups have thirty colours", () => {
  const colours = new Set(Array.from({ length: 3 * GROUPS.length }, (_, i) => ofGroup(i).join()));
  assert.equal(colours.size, 30);
});

test("more stands out more: darker on light ground, lighter on dark", () => {
  for (let i = 0; i < 20; i++) {
    assert.ok(lightness(ofShare((i + 1) / 20, false)) < lightness(ofShare(i / 20, false)));
    assert.ok(lightness(ofShare((i + 1) / 20, true)) > lightness(ofShare(i / 20, true)));
  }
});

test("groups colour the points, and what has none is gray", () => {
  const colours = paintRows(4, { ...plain, labels: Int32Array.of(0, 1, 0, -1) });
  assert.deepEqual([...colours.subarray(0, 3)], ofGroup(0));
  assert.deepEqual([...colours.subarray(8, 11)], ofGroup(0));
  assert.ok(Math.max(...colours.subarray(12, 15)) - Math.min(...colours.subarray(12, 15)) < 20);
});

test("scores colour the points, held within their range, and a missing one is gray", () => {
  const colours = paintRows(4, { ...plain, values: Float32Array.of(-5, 0, 1, NaN) });
  assert.deepEqual(colours.slice(0, 4), colours.slice(4, 8));
  assert.deepEqual([...colours.subarray(8, 11)], ofShare(1, false));
});

test("a score that is the same everywhere is painted", () => {
  assert.deepEqual(
    [...paintRows(1, { ...plain, values: Float32Array.of(3), low: 3, high: 3 }).subarray(0, 3)],
    ofShare(0, false),
  );
});

test("what is not lit or chosen, and what is excluded, is fainter", () => {
  const labels = Int32Array.of(0, 1, 0, 1);
  const lit = paintRows(4, { ...plain, labels, lit: 1 });
  assert.ok(lit[3] < 60 && lit[7] === 255);
  const chosen = paintRows(4, { ...plain, labels, chosen: new Set([2]) });
  assert.ok(chosen[3] < 60 && chosen[11] === 255);
  const excluded = paintRows(4, { ...plain, labels, flags: Uint8Array.of(0, 2, 1, 0) });
  assert.ok(excluded[7] < excluded[3] && excluded[11] === excluded[3]);
});

test("what is looked at comes back from the address", () => {
  const state = {
    tool: "lasso",
    tab: "care",
    colour: "cluster-1",
    lit: 3,
    rows: [5, 17],
    camera: { x: 0.25, y: -1.5, scale: 120 },
    model: "0002-vae",
  };
  assert.deepEqual(read(`#${write(state)}`, 100), state);
  assert.equal(write({ ...AT_FIRST, rows: [] }), "");
});

test("an address that makes no sense is read as at first", () => {
  assert.deepEqual(read("#tool=bomb&tab=1&rows=1.x.99&at=1_2&lit=-1", 50), { ...AT_FIRST, rows: [1] });
});
