// Colours that stay apart for colour-blind readers, and the colour of every point of the map.
//
// Groups take ten colours (Petroff 2021, arXiv 2107.02270), those of the report; after ten they begin again, lighter, then
// darker. Scores take one ramp of even lightness, viridis (van der Walt and Smith 2015), turned so that more stands out more from
// the ground, light or dark; no part of it is gray, which is what has no score.

export const GROUPS = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];

const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const NONE = { light: [176, 172, 164], dark: [92, 92, 98] };
const FAINT = 38;
const EXCLUDED = 60;

/** @typedef {[number, number, number]} Rgb */

/** @param {string} hex @returns {Rgb} */
export function rgb(hex) {
  const number = parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** @param {Rgb} colour @returns {string} */
export function css([r, g, b]) {
  return `rgb(${r}, ${g}, ${b})`;
}

/** @param {Rgb} colour @param {number} to  of each channel @param {number} share @returns {Rgb} */
const towards = (colour, to, share) => /** @type {Rgb} */ (colour.map((c) => Math.round(c + (to - c) * share)));

/** @param {number} group @returns {Rgb} of a group */
export function ofGroup(group) {
  const colour = rgb(GROUPS[group % GROUPS.length]);
  const round = Math.floor(group / GROUPS.length) % 3;
  return round === 0 ? colour : round === 1 ? towards(colour, 255, 0.42) : towards(colour, 0, 0.4);
}

/** @param {number} share  from 0 to 1 @param {boolean} dark  the ground @returns {Rgb} of a score */
export function ofShare(share, dark) {
  const held = Math.min(1, Math.max(0, share));
  const at = (dark ? 0.12 + 0.88 * held : 0.9 - 0.9 * held) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const [a, b] = [rgb(VIRIDIS[below]), rgb(VIRIDIS[below + 1])];
  return /** @type {Rgb} */ (a.map((c, i) => Math.round(c + (b[i] - c) * (at - below))));
}

/** @param {boolean} dark @returns {Rgb} of what has no group or score */
export function ofNone(dark) {
  return /** @type {Rgb} */ (dark ? NONE.dark : NONE.light);
}

/**
 * @typedef {Object} Paint
 * @property {Int32Array | null} labels  a group per row, -1 = none
 * @property {Float32Array | null} values  a score per row, NaN = none
 * @property {number} low
 * @property {number} high
 * @property {Uint8Array} flags  bit 1 = excluded
 * @property {boolean} dark
 * @property {number | null} lit  only this group stands out
 * @property {Set<number> | null} chosen  only these rows stand out
 */

/**
 * Give every row its colour: red, green, blue and how opaque it is; what does not stand out is faint.
 * @param {number} n @param {Paint} paint
 * @returns {Uint8Array} (n, 4)
 */
export function paintRows(n, paint) {
  const { labels, values, low, high, flags, dark, lit, chosen } = paint;
  const full = n > 200_000 ? 150 : n > 3_000 ? 200 : 225;
  const none = ofNone(dark),
    ramp = Array.from({ length: 256 }, (_, i) => ofShare(i / 255, dark));
  /** @type {Rgb[]} */
  const groups = [];
  const colours = new Uint8Array(4 * n),
    spread = high > low ? 255 / (high - low) : 0;
  for (let row = 0; row < n; row++) {
    let colour = none;
    if (labels) {
      const group = labels[row];
      if (group >= 0) colour = groups[group] ??= ofGroup(group);
    } else if (values && values[row] === values[row]) {
      colour = ramp[Math.min(255, Math.max(0, Math.round((values[row] - low) * spread)))];
    }
    const aside = (lit !== null && labels !== null && labels[row] !== lit) || (chosen !== null && !chosen.has(row));
    colours[4 * row] = colour[0];
    colours[4 * row + 1] = colour[1];
    colours[4 * row + 2] = colour[2];
    colours[4 * row + 3] = aside ? FAINT : flags[row] & 2 ? EXCLUDED : lit !== null || chosen !== null ? 255 : full;
  }
  return colours;
}
