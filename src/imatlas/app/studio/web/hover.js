// The card beside the hand: the image that is hovered, and what it is.

import * as api from "./api.js";
import { el, get } from "./dom.js";

const REST = 30, LONGER = 140; // ms until the image and the name are asked for: a hand that sweeps over the map asks for little

export class Hover {
  /** @param {import("./state.js").Studio} studio @param {import("./view.js").View} view */
  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    this.card = get("hover");
    this.image = el("img", { alt: "", draggable: "false" });
    this.name = el("b");
    this.group = el("span");
    this.card.append(this.image, el("div", {}, this.name, this.group));
    this.row = -1;
    this.timer = 0;
    /** @type {AbortController | null} */
    this.asking = null;
  }

  /** @param {number} sx @param {number} sy */
  at(sx, sy) {
    const row = this.view.hit(sx, sy);
    this.view.host.classList.toggle("over-image", row >= 0);
    if (row !== this.row) this._take(row);
    if (row >= 0) this._put(sx, sy);
    const [x, y] = this.view.under(sx, sy),
      { grid, spacing } = this.studio.atlas;
    this.studio.tell("over", { row, empty: row < 0 && grid.nearest(x, y, 10 * spacing) < 0 });
  }

  /** Hover what the cross of the keyboard points at. */
  cross() {
    this.at(this.view.size.width / 2, this.view.size.height / 2);
  }

  leave() {
    this._take(-1);
    this.view.host.classList.remove("over-image");
    this.studio.tell("over", null);
  }

  /** @param {number} row */
  _take(row) {
    this.row = row;
    this.view.marks.hover = row;
    this.view.redraw();
    clearTimeout(this.timer);
    this.asking?.abort();
    this.card.hidden = row < 0;
    if (row < 0) return;
    this.image.removeAttribute("src");
    this.name.textContent = `Image ${row}`;
    this._group(row);
    this.timer = setTimeout(() => {
      this.image.src = api.imageUrl(row);
      this.timer = setTimeout(() => this._ask(row), LONGER - REST);
    }, REST);
  }

  /** @param {number} row */
  _group(row) {
    const { atlas, seen } = this.studio,
      field = atlas.labelField(seen.colour);
    this.group.textContent = "";
    if (!field) return;
    atlas.labels(field.name).then(
      (labels) => {
        const group = field.groups[labels[row]];
        if (this.row === row) this.group.textContent = group ? `${field.name === "class" ? "class" : "cluster"} ${group}` : "in no group";
      },
      () => {},
    );
  }

  /** @param {number} row */
  async _ask(row) {
    this.asking = new AbortController();
    try {
      const detail = await api.detail(row, this.asking.signal);
      if (this.row === row) this.name.textContent = detail.id;
    } catch {
      // the number stands for the name; a press on the image says what is wrong
    }
  }

  /** Lay the card beside the hand, within the map. @param {number} sx @param {number} sy */
  _put(sx, sy) {
    const { width, height } = this.view.size,
      wide = 232,
      high = 92;
    const left = sx + 20 + wide > width ? sx - wide - 20 : sx + 20,
      top = Math.min(Math.max(8, sy - high / 2), height - high - 8);
    this.card.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }
}
