import assert from "node:assert/strict";
import { test } from "node:test";

import { between, fit, pan, seen, toScreen, toWorld, within, zoomAt } from "../../../src/imatlas/app/studio/web/camera.js";

const size = { width: 800, height: 600 };
const bounds = [-2, -1, 2, 3];
const near = (a, b, error = 1e-9) => a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) <= error, `${a} is not ${b}`));

test("a place comes back from its pixels", () => {
  const camera = { x: 0.3, y: -2, scale: 123 };
  near(toWorld(camera, size, ...toScreen(camera, size, 1.5, -1.25)), [1.5, -1.25]);
});

test("up on the map is up on the screen", () => {
  const camera = fit(bounds, size);
  assert.ok(toScreen(camera, size, 0, 2)[1] < toScreen(camera, size, 0, 0)[1]);
});

test("the fitted camera shows every corner, and not much more", () => {
  const [x0, y0, x1, y1] = seen(fit(bounds, size), size);
  assert.ok(x0 <= -2 && y0 <= -1 && x1 >= 2 && y1 >= 3);
  assert.ok(y1 - y0 < 4 * 1.2);
});

test("a map of a single place is shown without dividing by nothing", () => {
  const camera = fit([1, 1, 1, 1], size);
  assert.ok(Number.isFinite(camera.scale) && camera.scale > 0);
});

test("zooming keeps the place under the pointer", () => {
  const camera = fit(bounds, size);
  const under = toWorld(camera, size, 100, 500);
  const closer = zoomAt(camera, size, { factor: 3, sx: 100, sy: 500, fitted: camera.scale });
  near(toWorld(closer, size, 100, 500), under);
  assert.equal(closer.scale, camera.scale * 3);
});

test("zooming out stops at half the fitted scale", () => {
  const camera = fit(bounds, size);
  assert.equal(zoomAt(camera, size, { factor: 1e-6, sx: 0, sy: 0, fitted: camera.scale }).scale, camera.scale / 2);
});

test("dragging moves the place with the finger", () => {
  const camera = fit(bounds, size);
  const [sx, sy] = toScreen(pan(camera, 30, -12), size, 0, 0);
  const [ax, ay] = toScreen(camera, size, 0, 0);
  near([sx - ax, sy - ay], [30, -12]);
});

test("the centre stays within the map", () => {
  assert.deepEqual(within({ x: 90, y: -90, scale: 1 }, bounds), { x: 2, y: -1, scale: 1 });
});

test("going from one camera to another begins and ends there, and keeps the place both agree on", () => {
  const from = fit(bounds, size);
  const to = zoomAt(from, size, { factor: 8, sx: 650, sy: 80, fitted: from.scale });
  near(Object.values(between(from, to, 0)), Object.values(from));
  near(Object.values(between(from, to, 1)), Object.values(to));
  near(toWorld(between(from, to, 0.5), size, 650, 80), toWorld(from, size, 650, 80));
});
