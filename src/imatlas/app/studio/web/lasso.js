// What is inside a loop drawn by hand, and a line drawn by hand as a few corners.

/** @typedef {[number, number]} Point */

/**
 * Whether a point lies inside a closed polygon (even-odd rule).
 * @param {Point[]} polygon @param {number} x @param {number} y
 */
export function contains(polygon, x, y) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i],
      [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/**
 * Give the rows inside a loop, ascending.
 * @param {import("./grid.js").Grid} grid @param {Point[]} polygon  in map units
 * @returns {number[]}
 */
export function enclosed(grid, polygon) {
  if (polygon.length < 3) return [];
  const xs = polygon.map((p) => p[0]),
    ys = polygon.map((p) => p[1]);
  const rows = grid.inside([Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]);
  return rows.filter((row) => contains(polygon, grid.places[2 * row], grid.places[2 * row + 1])).sort((a, b) => a - b);
}

/** How far a point lies from the straight piece a-b. @param {Point} p @param {Point} a @param {Point} b */
function away(p, a, b) {
  const dx = b[0] - a[0],
    dy = b[1] - a[1],
    square = dx * dx + dy * dy;
  const share = square === 0 ? 0 : Math.min(1, Math.max(0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square));
  return Math.hypot(p[0] - a[0] - share * dx, p[1] - a[1] - share * dy);
}

/**
 * Drop the points that a line drawn by hand does not need: what is left runs within `error` of all (Douglas and Peucker 1973).
 * @param {Point[]} points @param {number} error
 * @returns {Point[]}
 */
export function simplified(points, error) {
  if (points.length < 3) return points.slice();
  const first = points[0],
    last = points[points.length - 1];
  let furthest = 0,
    most = 0;
  for (let i = 1; i < points.length - 1; i++) {
    const distance = away(points[i], first, last);
    if (distance > most) [furthest, most] = [i, distance];
  }
  if (most <= error) return [first, last];
  return simplified(points.slice(0, furthest + 1), error)
    .slice(0, -1)
    .concat(simplified(points.slice(furthest), error));
}

/** @param {Point[]} points @returns {number} length of the line through them */
export function lengthOf(points) {
  return points.slice(1).reduce((sum, p, i) => sum + Math.hypot(p[0] - points[i][0], p[1] - points[i][1]), 0);
}
