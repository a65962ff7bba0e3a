// Which images are chosen or found: by a click, a loop, a search, a dropped picture.

import * as api from "./api.js";
import { announce, base64Of, plural } from "./dom.js";

/** @typedef {{title: string, says: string, rows: number[], url?: string, picture?: string}} Found  picture: in base64 */

export class Chosen {
  /** @param {import("./state.js").Studio} studio @param {import("./view.js").View} view */
  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    /** all chosen rows; the address holds the first of them */
    /** @type {number[]} */
    this.rows = studio.seen.rows;
    /** what a search or a dropped picture found
     * @type {Found | null} */
    this.found = null;
    studio.on("rows", (/** @type {number[]} */ rows) => {
      if (rows.join() !== this.rows.slice(0, rows.length).join() || !rows.length) this._take(rows);
    });
  }

  /** @param {number[]} rows @param {{open?: boolean}} [how]  open: the panel that shows them */
  choose(rows, { open = true } = {}) {
    this._take(rows);
    this.studio.set({ rows: rows.slice(0, 40), ...(open && rows.length ? { tab: "look" } : {}) });
    if (rows.length > 1) announce(`${plural(rows.length, "image")} chosen`);
  }

  /** Choose one more, or one less. @param {number} row */
  toggle(row) {
    this.choose(this.rows.includes(row) ? this.rows.filter((other) => other !== row) : [...this.rows, row]);
  }

  clear() {
    if (this.found?.url) URL.revokeObjectURL(this.found.url);
    this.found = null;
    Object.assign(this.view.marks, { found: [], dropped: null, off: null });
    this.choose([], { open: false });
    this.studio.tell("found");
  }

  /** @param {string} text @param {AbortSignal} signal */
  async search(text, signal) {
    const { rows, total } = await api.search(text, 200, signal);
    const more = total > rows.length ? `, the first ${rows.length} are shown` : "";
    this._find({
      title: `“${text}”`,
      says: total
        ? `${plural(total, "image")} with this in the name${more}.`
        : "No image has this in its name. Try a part of a file name.",
      rows,
    });
  }

  /** Find what is like a picture from outside. @param {Blob} picture */
  async drop(picture) {
    const [near, base64] = await Promise.all([api.near(picture, 24), base64Of(picture)]);
    this._find({ title: "Your picture", says: near.says, rows: near.rows, url: URL.createObjectURL(picture), picture: base64 });
    this.view.marks.dropped = near.place;
    this.view.reveal(...near.place);
    this.view.redraw();
  }

  /** @param {Found} found */
  _find(found) {
    if (this.found?.url) URL.revokeObjectURL(this.found.url);
    this.found = found;
    this.view.marks.found = found.rows;
    this.view.marks.dropped = null;
    this._take([]);
    this.studio.set({ rows: [], tab: "look" });
    this.studio.tell("found");
    announce(found.says);
    this.view.redraw();
  }

  /** @param {number[]} rows */
  _take(rows) {
    this.rows = rows;
    this.view.marks.chosen = rows;
    this.view.redraw();
    this.studio.tell("chosen");
  }
}
