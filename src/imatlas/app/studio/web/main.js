// The studio: opens the atlas, lays out its parts and joins them.

import * as api from "./api.js";
import { Atlas } from "./atlas.js";
import { CarePanel } from "./care_panel.js";
import { Chosen } from "./chosen.js";
import { complain, el, get, number, plural, say } from "./dom.js";
import { Drawing } from "./drawing.js";
import { drawPanel } from "./draw_panel.js";
import { Edits } from "./edits.js";
import { Hands } from "./hands.js";
import { help } from "./help.js";
import { Hover } from "./hover.js";
import { keys } from "./keys.js";
import { legend, mapLine } from "./legend.js";
import { lookPanel } from "./look_panel.js";
import { PathPanel } from "./path_panel.js";
import { search } from "./search.js";
import { Studio } from "./state.js";
import { tabs } from "./tabs.js";
import { TrainPanel } from "./train_panel.js";
import { tray } from "./tray.js";
import { View } from "./view.js";

help();
open().catch((error) => {
  get("opening").textContent =
    error instanceof api.Refusal ? error.message : `The map could not be shown: ${error.message}. Load the page again.`;
  get("opening").className = "alone";
  if (!(error instanceof api.Refusal)) throw error;
});

async function open() {
  const atlas = await Atlas.load();
  const studio = new Studio(atlas);
  const drawnBy = new URLSearchParams(location.search).get("map");
  const view = new View({ host: get("map"), points: get("points"), over: get("over") }, atlas, {
    camera: studio.seen.camera,
    drawnBy,
  });
  head(atlas.meta);
  const chosen = new Chosen(studio, view),
    drawing = new Drawing(studio),
    hover = new Hover(studio, view),
    edits = new Edits(studio);
  const painted = legend(studio, view, chosen);
  const host = tabs(studio);
  const paths = new PathPanel(studio, host("paths"), { view, drawing });
  /** @type {import("./look_panel.js").Acts} */
  const acts = {
    view,
    chosen,
    drawing,
    exclude: (rows, out) => edits.exclude(rows, out),
    pathEnd: (end, wish, url) => paths.end(end, wish, url),
  };
  lookPanel(studio, host("look"), acts);
  drawPanel(studio, host("draw"), acts);
  new CarePanel(studio, host("care"), { ...acts, edits });
  new TrainPanel(studio, host("train"), { edits });
  const hands = new Hands(studio, { view, chosen, drawing, hover, paths });
  tray(studio, drawing, view);
  mapLine(studio);
  search(chosen);
  keys(studio, { view, hands, chosen, drawing, paths, edits });
  joined(studio, { view, edits });
  await painted;
  get("opening").remove();
  document.documentElement.dataset.map = view.renderer.kind;
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("imatlas-painted")));
  edits.renew().catch(complain);
}

/** @param {api.Meta} meta */
function head(meta) {
  const [high, wide, channels] = meta.shape;
  document.body.classList.toggle("pixel-art", meta.map.pixel_art);
  document.title = `${meta.name} – imatlas studio`;
  get("name").textContent = meta.name;
  const facts = [
    plural(meta.n, "image"),
    `${wide} × ${high} ${channels === 1 ? "gray" : "colour"}`,
    meta.models.length ? plural(meta.models.length, "model") : "no model yet",
    ...(meta.counts.excluded ? [`${number(meta.counts.excluded)} excluded`] : []),
  ];
  get("facts").replaceChildren(...facts.map((fact) => el("li", {}, fact)));
}

/** @param {Studio} studio @param {{view: View, edits: Edits}} parts */
function joined(studio, { view, edits }) {
  view.onsettled(() => {
    studio.set({ camera: view.whole ? null : view.camera });
    get("nothing").hidden = view.anything;
  });
  get("nothing").addEventListener("click", () => view.fit());
  studio.on("camera", (camera) => {
    if (camera && camera !== view.camera) view.go(camera);
  });
  studio.on("reveal", (/** @type {[number, number]} */ place) => view.reveal(...place));
  studio.on("off", (off) => {
    view.marks.off = off;
    view.redraw();
  });
  studio.on("edits", () => head(studio.atlas.meta));
  get("zoom-in").addEventListener("click", () => view.zoomSmoothly(1.8));
  get("zoom-out").addEventListener("click", () => view.zoomSmoothly(1 / 1.8));
  get("zoom-all").addEventListener("click", () => view.fit());
  api.events({
    training: () => studio.tell("training"),
    edits: () => void edits.renew().catch(complain),
    models: () => void models(studio).catch(complain),
  });
}

/** @param {Studio} studio */
async function models(studio) {
  const changed = await studio.atlas.renewModels();
  if (studio.atlas.anew) {
    say("The map was made anew meanwhile, so this page shows the old one.", {
      about: "anew",
      action: "Load it again",
      run: () => location.reload(),
    });
  }
  if (!changed) return;
  head(studio.atlas.meta);
  studio.tell("models");
}
