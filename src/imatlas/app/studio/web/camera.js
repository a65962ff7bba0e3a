// The camera: which part of the map is seen, and how places and pixels correspond.
//
// A place (x, y) of the map, y upwards, lies at ((x - camera.x) * scale + width / 2, (camera.y - y) * scale + height / 2)
// in the window. Every function gives a new camera and changes none.

/** @typedef {{x: number, y: number, scale: number}} Camera  centre in map units, and pixels per map unit */
/** @typedef {{width: number, height: number}} Size  in CSS pixels */
/** @typedef {[number, number, number, number]} Bounds  x0, y0, x1, y1 in map units */

/** @typedef {{left: number, top: number, right: number, bottom: number}} Room  pixels that something else covers */

export const MOST_ZOOM = 4000;

/**
 * Give the camera that shows all of a map, beside what covers the edges of the window.
 * @param {Bounds} bounds
 * @param {Size} size
 * @param {Room} [room]
 * @returns {Camera}
 */
export function fit(bounds, size, { left, top, right, bottom } = { left: 36, top: 36, right: 36, bottom: 36 }) {
  const [x0, y0, x1, y1] = bounds;
  const wide = Math.max(x1 - x0, 1e-9),
    high = Math.max(y1 - y0, 1e-9);
  const free = { width: Math.max(size.width - left - right, 40), height: Math.max(size.height - top - bottom, 40) };
  const scale = Math.min(free.width / wide, free.height / high);
  return { x: (x0 + x1) / 2 - (left - right) / 2 / scale, y: (y0 + y1) / 2 + (top - bottom) / 2 / scale, scale };
}

/**
 * @param {Camera} camera @param {Size} size @param {number} x @param {number} y
 * @returns {[number, number]} pixels from the upper left corner
 */
export function toScreen(camera, size, x, y) {
  return [(x - camera.x) * camera.scale + size.width / 2, (camera.y - y) * camera.scale + size.height / 2];
}

/**
 * @param {Camera} camera @param {Size} size @param {number} sx @param {number} sy
 * @returns {[number, number]} map units
 */
export function toWorld(camera, size, sx, sy) {
  return [camera.x + (sx - size.width / 2) / camera.scale, camera.y - (sy - size.height / 2) / camera.scale];
}

/**
 * Move the map by pixels, as a finger drags it.
 * @param {Camera} camera @param {number} dx @param {number} dy
 * @returns {Camera}
 */
export function pan(camera, dx, dy) {
  return { x: camera.x - dx / camera.scale, y: camera.y + dy / camera.scale, scale: camera.scale };
}

/**
 * Zoom by a factor so that the place under (sx, sy) stays there.
 * @param {Camera} camera @param {Size} size
 * @param {{factor: number, sx: number, sy: number, fitted: number}} how  fitted: the scale that shows all
 * @returns {Camera}
 */
export function zoomAt(camera, size, { factor, sx, sy, fitted }) {
  const scale = Math.min(Math.max(camera.scale * factor, fitted / 2), fitted * MOST_ZOOM);
  const [x, y] = toWorld(camera, size, sx, sy);
  return { x: x - (sx - size.width / 2) / scale, y: y + (sy - size.height / 2) / scale, scale };
}

/**
 * Keep the centre within the map, so that nobody gets lost.
 * @param {Camera} camera @param {Bounds} bounds
 * @returns {Camera}
 */
export function within(camera, [x0, y0, x1, y1]) {
  return { ...camera, x: Math.min(Math.max(camera.x, x0), x1), y: Math.min(Math.max(camera.y, y0), y1) };
}

/**
 * Give the part of the map that is seen, with some pixels more on each side.
 * @param {Camera} camera @param {Size} size @param {number} [more]
 * @returns {Bounds}
 */
export function seen(camera, size, more = 0) {
  const half = [(size.width / 2 + more) / camera.scale, (size.height / 2 + more) / camera.scale];
  return [camera.x - half[0], camera.y - half[1], camera.x + half[0], camera.y + half[1]];
}

/**
 * Go from one camera to another: zoom changes by factors, so that it looks even.
 * @param {Camera} from @param {Camera} to @param {number} share  from 0 to 1
 * @returns {Camera}
 */
export function between(from, to, share) {
  const eased = share * share * (3 - 2 * share);
  const scale = from.scale * (to.scale / from.scale) ** eased;
  const ratio = to.scale / from.scale;
  // the centre moves as the scale does, so that the place that both cameras agree on stays still
  const moved = Math.abs(ratio - 1) < 1e-6 ? eased : (1 / scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
  return { x: from.x + (to.x - from.x) * moved, y: from.y + (to.y - from.y) * moved, scale };
}
