// The page that explains the studio in a minute, and the keys for everything.

import { el, get } from "./dom.js";

const MINUTE = /** @type {[string, string][]} */ ([
  [
    "See",
    "Every point is one of your images, and what is alike lies near. Turn the wheel or pinch to come closer: the images appear. Colour the points by class, cluster or score at the upper left; press a name to see that group alone.",
  ],
  [
    "Look",
    "Press an image to see its neighbors. Draw a loop with the tool Lasso to choose many. Search by name, or drop a picture on the page to see where it belongs.",
  ],
  [
    "Draw",
    "Take the tool Draw and press a place: a new image appears there. Where there are no images, the studio says so. Take the tool Line and drag: a morph along it. Two images give the path between them.",
  ],
  ["Keep", "Keep what you like: it is stored in the atlas, with how it was made. More like this draws on from it."],
  [
    "Care",
    "Name, merge and split clusters; exclude outliers and copies. The next training uses it, and all of it can be undone. Your own files are never changed.",
  ],
  [
    "Trust",
    "The line under the map says what made it and how far to trust it, also at the point under your hand. Only nearness means something; far distances say little.",
  ],
]);

const KEYS = /** @type {[string, string][]} */ ([
  ["V  D  L  S", "the tools Look, Draw, Line and Lasso"],
  ["1 to 5", "the panels Look, Draw, Paths, Care and Train"],
  ["Arrows", "on the map: move it under the cross (Shift: finely)"],
  ["+  −  0", "closer, further, show all"],
  ["Enter", "on the map: act at the cross; with Line and Lasso: set a corner"],
  ["Shift + Enter", "set the last corner; with Look: choose one more"],
  ["M", "on the map: what can be done at the cross"],
  ["R", "draw what is wished for"],
  ["[  ]", "the drawn image before, the next"],
  ["K  X  N", "keep, discard, more like this: the drawn image at hand"],
  ["P", "play or pause the morph"],
  ["U", "undo the last change of the set"],
  ["/", "search"],
  ["Esc", "let go of what is chosen or half drawn"],
  ["?", "this page"],
]);

/** Make the page and open it by its button. */
export function help() {
  const page = get("help-page");
  page.append(
    el(
      "div",
      { class: "head" },
      el("h2", { id: "help-title" }, "The studio in a minute"),
      el("span", { class: "push" }),
      el("button", { type: "button", class: "plain", onclick: () => page.close() }, "Close"),
    ),
    el(
      "div",
      { class: "help" },
      el("dl", { class: "minute" }, ...MINUTE.flatMap(([title, says]) => [el("dt", {}, title), el("dd", {}, says)])),
      el(
        "div",
        {},
        el("h3", {}, "Keys"),
        el(
          "dl",
          { class: "keys" },
          ...KEYS.flatMap(([keys, says]) => [
            el("dt", {}, ...keys.split("  ").map((key) => el("kbd", {}, key))),
            el("dd", {}, says),
          ]),
        ),
        el("p", { class: "soft small" }, "On a tablet: pinch to zoom, touch for a while for what can be done at a place."),
      ),
    ),
  );
  page.addEventListener("click", (/** @type {Event} */ event) => {
    if (event.target === page) page.close();
  });
  get("report-close").addEventListener("click", () => get("report-page").close());
  get("help-button").addEventListener("click", openHelp);
}

export function openHelp() {
  get("help-page").showModal();
}
