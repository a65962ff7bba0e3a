// What is looked at, as text behind the # of the address: a reload, a bookmark or a second tab shows the same.

/**
 * @typedef {Object} Seen  what the address holds
 * @property {string} tool  "look", "draw", "line" or "lasso"
 * @property {string} tab  the open panel
 * @property {string} colour  the field points are coloured by
 * @property {number | null} lit  the group that stands out
 * @property {number[]} rows  the chosen images, the first 40
 * @property {import("./camera.js").Camera | null} camera  null = all of the map
 * @property {string} model  "" = the default one
 */

export const TOOLS = ["look", "draw", "line", "lasso"];
export const TABS = ["look", "draw", "paths", "care", "train"];
const MOST_ROWS = 40;

/** @type {Readonly<Seen>} */
export const AT_FIRST = Object.freeze({ tool: "look", tab: "look", colour: "", lit: null, rows: [], camera: null, model: "" });

/** @param {number} value @returns {string} six digits, no more than needed */
const short = (value) => String(Number(value.toPrecision(6)));

/** @param {Seen} state @returns {string} without the # */
export function write(state) {
  const words = new URLSearchParams();
  if (state.tool !== AT_FIRST.tool) words.set("tool", state.tool);
  if (state.tab !== AT_FIRST.tab) words.set("tab", state.tab);
  if (state.colour) words.set("colour", state.colour);
  if (state.lit !== null) words.set("lit", String(state.lit));
  if (state.rows.length) words.set("rows", state.rows.slice(0, MOST_ROWS).join("."));
  if (state.camera) words.set("at", [state.camera.x, state.camera.y, state.camera.scale].map(short).join("_"));
  if (state.model) words.set("model", state.model);
  return words.toString();
}

/**
 * Read the address; what cannot be read is as at first.
 * @param {string} hash  with or without the #
 * @param {number} n  number of images; rows beyond are left out
 * @returns {Seen}
 */
export function read(hash, n) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = (/** @type {string | null} */ text) => (text !== null && /^\d+$/.test(text) ? Number(text) : null);
  const at = (words.get("at") ?? "").split("_").map(Number);
  const rows = (words.get("rows") ?? "").split(".").map(whole);
  return {
    tool: TOOLS.includes(words.get("tool") ?? "") ? String(words.get("tool")) : AT_FIRST.tool,
    tab: TABS.includes(words.get("tab") ?? "") ? String(words.get("tab")) : AT_FIRST.tab,
    colour: words.get("colour") ?? "",
    lit: whole(words.get("lit")),
    rows: /** @type {number[]} */ (rows.filter((row) => row !== null && row < n)),
    camera: at.length === 3 && at.every(Number.isFinite) && at[2] > 0 ? { x: at[0], y: at[1], scale: at[2] } : null,
    model: words.get("model") ?? "",
  };
}
