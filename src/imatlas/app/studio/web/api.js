// Everything the page asks of the server, in one place: what goes there, what comes back, and what a refusal says.

/** @typedef {{name: string, title: string, groups: string[], condition?: string | null}} LabelField  condition: what a model calls these groups */
/** @typedef {{name: string, title: string, low: number, high: number}} ValueField */
/** @typedef {{name: string, title: string, kind: "choice" | "example" | "place" | "number", choices?: string[]}} Condition */
/** @typedef {{low: number, high: number, usual: number, says: string, whole?: boolean}} Dial */
/**
 * @typedef {Object} Model
 * @property {string} name
 * @property {string} title
 * @property {string} kind
 * @property {boolean} default
 * @property {Condition[]} conditions
 * @property {Record<string, Dial>} dials
 * @property {boolean} can_morph
 */
/**
 * @typedef {Object} Meta  what `GET /api/atlas` says
 * @property {string} name
 * @property {number} n
 * @property {[number, number, number]} shape  H, W, C
 * @property {{labels: LabelField[], values: ValueField[]}} fields
 * @property {Model[]} models
 * @property {{features: string, says: string, trust: {name: string, value: number, says: string}[],
 *   bounds: [number, number, number, number], pixel_art: boolean}} map
 * @property {{held_out: number, excluded: number, rejected: number}} counts
 * @property {string[]} notes
 * @property {{side: number, columns: number, per_sheet: number, sheets: number}} thumbs
 * @property {{generators: {name: string, title: string, says: string}[], conditions: {name: string, title: string}[],
 *   budget: number}} train
 * @property {number} revision
 * @property {string} version
 * @property {string} stamp  another one where images or map were made anew
 */
/** @typedef {{row: number} | {picture: string} | string} Wish  an image of the atlas, a picture in base64, or words */
/** @typedef {{png: string, seed: number, how: Record<string, unknown>, place?: [number, number] | null}} Drawn */
/** @typedef {{says: string, nearest: [number, number]}} Off */
/** @typedef {{images: Drawn[], off?: Off | null, seconds: number}} Drawing */
/**
 * @typedef {Object} Order  what is asked to be drawn
 * @property {string} [model]
 * @property {number} count
 * @property {number} seed
 * @property {Record<string, Wish>} wishes
 * @property {Record<string, number>} dials
 * @property {boolean} place
 */
/** @typedef {{geodesic: string[], straight: string[], off: [number, number], stations: number[], places?: [number, number][]}} Path */
/** @typedef {{row: number, distance: number}} Neighbor */
/**
 * @typedef {Object} Detail  what is known of one image
 * @property {number} row
 * @property {string} id
 * @property {string | null} class
 * @property {Record<string, string>} clusters
 * @property {[number, number]} place
 * @property {boolean} held_out
 * @property {boolean} excluded
 * @property {Record<string, number>} scores
 * @property {Neighbor[]} neighbors
 */
/** @typedef {{rows: number[], distances: number[], place: [number, number], off: number, on_map: boolean, says: string}} Near */
/** @typedef {{label: number, name: string, size: number, says: string, rows: number[]}} Cluster */
/** @typedef {{name: string, url: string, how: Record<string, unknown>}} Kept */
/**
 * @typedef {Object} Edits
 * @property {number} revision
 * @property {string[]} excluded
 * @property {Record<string, Record<string, string>>} names
 * @property {Record<string, number[][]>} merges
 * @property {boolean} can_undo
 * @property {boolean} can_redo
 */
/**
 * @typedef {Object} Training
 * @property {"none" | "running" | "stopped" | "finished" | "failed"} state
 * @property {string} model
 * @property {number} step
 * @property {number} steps
 * @property {number} seconds
 * @property {number} remaining
 * @property {Record<string, [number, number][]>} curves
 * @property {string | null} samples
 * @property {string} says
 */

/** A request that the server refused, with its sentence. */
export class Refusal extends Error {
  /** @param {string} says @param {number} status */
  constructor(says, status) {
    super(says);
    this.status = status;
  }
}

const UNREACHABLE =
  "The studio does not answer. Start it again with imatlas studio and open the address it gives; nothing is lost.";

/** @param {string} url @param {RequestInit} [how] @returns {Promise<Response>} */
async function ask(url, how) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...how });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(UNREACHABLE, 0);
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new Refusal(said?.error ?? `The studio refused (${answer.status} ${answer.statusText}).`, answer.status);
}

/** @param {string} url @param {AbortSignal} [signal] */
const get = async (url, signal) => (await ask(url, { signal })).json();

/** @param {string} url @param {unknown} body @param {{method?: string, signal?: AbortSignal}} [how] */
const send = (url, body, { method = "POST", signal } = {}) =>
  ask(url, { method, signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** @param {string} url */
const bytes = async (url) => (await ask(url)).arrayBuffer();

const name = encodeURIComponent;

/** @returns {Promise<Meta>} */
export const atlas = () => get("/api/atlas");
/** @returns {Promise<Float32Array>} (n, 2) */
export const places = async () => new Float32Array(await bytes("/api/map/places"));
/** @returns {Promise<Int32Array>} rows in the order of the thumbnails */
export const order = async () => new Int32Array(await bytes("/api/map/order"));
/** @returns {Promise<Uint8Array>} bit 0 held out, bit 1 excluded */
export const flags = async () => new Uint8Array(await bytes("/api/map/flags"));
/** @param {string} field @returns {Promise<Int32Array>} */
export const labels = async (field) => new Int32Array(await bytes(`/api/map/labels/${name(field)}`));
/** @param {string} field @returns {Promise<Float32Array>} */
export const values = async (field) => new Float32Array(await bytes(`/api/map/values/${name(field)}`));
/** @param {number} sheet @returns {Promise<Blob>} */
export const thumbnails = async (sheet) => (await ask(`/api/thumbnails/${sheet}.png`)).blob();
/** @param {number} row */
export const imageUrl = (row) => `/api/images/${row}.png`;
/** @param {number} row @param {AbortSignal} [signal] @returns {Promise<Detail>} */
export const detail = (row, signal) => get(`/api/images/${row}`, signal);
/** @param {string} text @param {number} limit @param {AbortSignal} [signal] @returns {Promise<{rows: number[], total: number}>} */
export const search = (text, limit, signal) => get(`/api/search?text=${name(text)}&limit=${limit}`, signal);
/** @param {Blob} picture @param {number} count @returns {Promise<Near>} */
export const near = async (picture, count) =>
  (
    await ask(`/api/near?count=${count}`, {
      method: "POST",
      headers: { "Content-Type": picture.type || "image/png" },
      body: picture,
    })
  ).json();
/** @param {Order} order @param {AbortSignal} [signal] @returns {Promise<Drawing>} */
export const draw = async (order, signal) => (await send("/api/draw", order, { signal })).json();
/**
 * @param {{model?: string, points: [number, number][], frames: number, seed: number, dials: Record<string, number>}} order
 * @returns {Promise<Drawing>}
 */
export const line = async (order) => (await send("/api/line", order)).json();
/** @param {{model?: string, from: Wish, to: Wish, frames: number}} order @returns {Promise<Path>} */
export const path = async (order) => (await send("/api/path", order)).json();
/** @param {{frames: string[], format: "webp" | "gif", seconds: number}} order @returns {Promise<Blob>} */
export const animation = async (order) => (await send("/api/animation", order)).blob();
/** @returns {Promise<Kept[]>} */
export const kept = () => get("/api/kept");
/** @param {string} png  base64 @returns {Promise<Kept>} */
export const keep = async (png) => (await send("/api/kept", { png })).json();
/** @param {string} file */
export const discard = (file) => send(`/api/kept/${name(file)}`, {}, { method: "DELETE" });
/** @param {string} file */
export const restore = (file) => send(`/api/kept/${name(file)}/restore`, {});
/** @param {string} level @returns {Promise<Cluster[]>} */
export const clusters = (level) => get(`/api/clusters/${name(level)}`);
/** @returns {Promise<{row: number, score: number}[]>} */
export const outliers = () => get("/api/lists/outliers");
/** @returns {Promise<number[][]>} */
export const duplicates = () => get("/api/lists/duplicates");
/** @returns {Promise<{file: string, why: string}[]>} */
export const rejected = () => get("/api/lists/rejected");
/** @returns {Promise<Edits>} */
export const edits = () => get("/api/edits");
/** @param {number} revision @param {Record<string, unknown>} change @returns {Promise<Edits>} */
export const edit = async (revision, change) => (await send("/api/edits", { revision, change })).json();
/** @returns {Promise<Training>} */
export const training = () => get("/api/training");
/** @param {Record<string, unknown>} order @returns {Promise<Training>} */
export const train = async (order) => (await send("/api/training", order)).json();
/** @returns {Promise<unknown>} */
export const stopTraining = async () => (await send("/api/training/stop", {})).json();

/**
 * Hear of what changes: another tab, the command line, a training.
 * @param {Record<string, () => void>} heard  by the name of the event
 * @returns {EventSource}
 */
export function events(heard) {
  const source = new EventSource("/api/events");
  for (const [kind, react] of Object.entries(heard)) source.addEventListener(kind, react);
  return source;
}
