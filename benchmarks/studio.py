"""How quick is the studio in a browser? Click to image, a morph, first paint, frames per second, and how soon the server is up.

The server is `imatlas studio` in a process of its own; the page is driven in headless Chromium as tests/browser does. Nothing
is asked of a graphics card: WebGL is drawn by software (SwiftShader).

Sets. Drawing: the 1,797 digits of scikit-learn, enlarged to 28 x 28 gray and to 32 x 32 in colour, with the default generator
after a few steps: how long it takes does not hang on how well it was trained. Large maps are made up: the digits over and
over, each copy's place moved a little at random, and no map is learned of them.

    python benchmarks/studio.py                 all; what is there of the sets, in --scratch, is used again
    ... --only draw-28,paint-70000              some of it; nothing is kept in results/
    ... --quick                                 few clicks and short movements: does it run, not how quick is it
    ... --table                                 only print what is there
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests" / "browser"))  # the server and the page are driven by the hands of the tests

from driving import find_browser  # noqa: E402
from running import brief, machine, medians, now  # noqa: E402
from studio_page import Bench  # noqa: E402
from studio_sets import drawing_atlas, made_up_atlas  # noqa: E402

RESULTS = HERE / "results" / "studio.json"

CELLS = {
    "start": lambda bench: bench.start(drawing_atlas(bench.scratch, 28)),
    "draw-28": lambda bench: bench.draw(drawing_atlas(bench.scratch, 28)),
    "draw-32": lambda bench: bench.draw(drawing_atlas(bench.scratch, 32)),
    "paint-70000": lambda bench: bench.paint(made_up_atlas(bench.scratch, 70_000)),
    "paint-1000000": lambda bench: bench.paint(made_up_atlas(bench.scratch, 1_000_000)),
    "move-webgl-100000": lambda bench: bench.move(made_up_atlas(bench.scratch, 100_000), "webgl"),
    "move-canvas-20000": lambda bench: bench.move(made_up_atlas(bench.scratch, 20_000), "canvas"),
}
"""Name of what is measured -> how."""

TARGETS = (
    ("server start, to the printed address, s", "start", "seconds", "at most", 3.0),
    ("click to image, 28 x 28, 95th of 100, ms", "draw-28", "click_p95_ms", "at most", 300.0),
    ("click to image, 32 x 32 in colour, 95th of 100, ms", "draw-32", "click_p95_ms", "at most", 300.0),
    ("morph of 16 frames, 28 x 28, s", "draw-28", "morph_seconds", "at most", 3.0),
    ("morph of 16 frames, 32 x 32 in colour, s", "draw-32", "morph_seconds", "at most", 3.0),
    ("first paint of 70,000 points, s", "paint-70000", "first_seconds", "at most", 2.0),
    ("first paint of 1,000,000 points, s", "paint-1000000", "first_seconds", "at most", 6.0),
    ("pan and zoom of 100,000 points, software WebGL, frames/s", "move-webgl-100000", "frames_per_second", "at least", 30.0),
    ("pan and zoom of 20,000 points, Canvas2D, frames/s", "move-canvas-20000", "frames_per_second", "at least", 20.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"some of it, by commas: {', '.join(CELLS)}")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured; medians are kept")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--scratch", type=Path, default=HERE / "scratch" / "studio")
    asked = parser.parse_args()
    if asked.table:
        print("\n".join(table(json.loads(RESULTS.read_text()))))
        return
    chosen = asked.only.split(",") if asked.only else list(CELLS)
    unknown = [name for name in chosen if name not in CELLS]
    path = find_browser()
    if unknown or path is None:
        parser.error(f"there is no {unknown[0]}; choose of {', '.join(CELLS)}" if unknown else "no Chromium is on the PATH")
    asked.scratch.mkdir(parents=True, exist_ok=True)
    results = measure(chosen, asked, path)
    print("\n".join(table(results)))
    if not asked.quick and not asked.only:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measure(chosen: list[str], asked: argparse.Namespace, path: str) -> dict:
    """Measure, and give what `table` prints."""
    cells = {}
    repeats = 1 if asked.quick else asked.repeats
    with Bench(path, asked.scratch.resolve(), quick=asked.quick) as bench:
        for name in chosen:
            runs = [CELLS[name](bench) for _ in range(repeats)]
            cells[name] = medians(runs) | {"runs": repeats, "date": now()}
            print(f"{name}: {brief(cells[name])}", flush=True)
        browser = bench.says
    facts = machine({name: version(name) for name in ("torch", "numpy", "fastapi", "uvicorn", "playwright")})
    return {"command": " ".join(["benchmarks/studio.py", *sys.argv[1:]]), "browser": browser, **facts, "cells": cells}


def table(results: dict) -> list[str]:
    """Give the lines of the table in Markdown."""
    lines = [f"{results['browser']}; {results['processor']}, {results['cores']} cores; {results['date']}", ""]
    lines += ["| target | measured | wanted | met |", "|---|---|---|---|"]
    for says, cell, number, bound, wanted in TARGETS:
        value = results["cells"].get(cell, {}).get(number)
        if value is None:
            lines.append(f"| {says} | not there | {bound} {wanted:g} | |")
            continue
        met = value <= wanted if bound == "at most" else value >= wanted
        lines.append(f"| {says} | {value:.3g} | {bound} {wanted:g} | {'yes' if met else '**no**'} |")
    lines += ["", "| | numbers |", "|---|---|"]
    return lines + [f"| {name} | {brief(numbers)} |" for name, numbers in results["cells"].items()]


if __name__ == "__main__":
    main()
