// What a person changes about the set: exclusions, names, merges and splits. All of it lies in the atlas and can be undone.

import * as api from "./api.js";
import { announce, complain, plural, say } from "./dom.js";

const STALE = 409;

export class Edits {
  /** @param {import("./state.js").Studio} studio */
  constructor(studio) {
    this.studio = studio;
    /** @type {api.Edits | null} */
    this.now = null;
  }

  /** Read them again, and all they change, unless nothing has. @param {{force?: boolean}} [how] */
  async renew({ force = false } = {}) {
    const now = await api.edits();
    const stale = force || this.now?.revision !== now.revision;
    const first = this.now === null;
    this.now = now;
    this.studio.tell("history");
    if (!stale || (first && !force)) return;
    await this.studio.atlas.renew();
    this.studio.tell("edits");
  }

  /**
   * Make a change; where another tab was quicker, read that first and say so.
   * @param {Record<string, unknown>} change @param {string} done  what was done, for people
   */
  async make(change, done) {
    if (!this.now) await this.renew();
    try {
      this.now = await api.edit(/** @type {api.Edits} */ (this.now).revision, change);
    } catch (error) {
      if (error instanceof api.Refusal && error.status === STALE) await this.renew({ force: true });
      throw error;
    }
    await this.studio.atlas.renew();
    this.studio.tell("edits");
    if (!done) return;
    announce(done);
    say(
      done,
      this.now.can_undo ? { about: "edits", action: "Undo", run: () => this.undo().catch(complain) } : { about: "edits" },
    );
  }

  /** @param {number[]} rows @param {boolean} out */
  exclude(rows, out) {
    const words = plural(rows.length, "image");
    return out
      ? this.make({ exclude: rows }, `${words} excluded from the next training.`)
      : this.make({ include: rows }, `${words} taken back in.`);
  }

  async undo() {
    await this.make({ undo: true }, "");
    say("Undone.", { about: "edits", action: "Redo", run: () => this.redo().catch(complain) });
  }

  async redo() {
    await this.make({ redo: true }, "");
    say("Done again.", { about: "edits" });
  }
}
