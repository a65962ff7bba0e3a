"""The whole journey on real image sets, too long for the suite: each ends with a report under 8 MB and finite scores.

Usage: python scripts/proofs/journeys.py DATA_FOLDER OUT_FOLDER [--budget 2m] [SET ...]
The small version in the suite is tests/app/test_journey.py.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path

SETS = {
    "fashion-mnist": "fashion-mnist",
    "mnist": "mnist",
    "clothing-photos": "clothing-photos",
    "emoji": "emoji/noto-emoji-72px.zip",
    "cifar10": "cifar10/cifar10-jpeg-12k.npz",
}
MOST_BYTES = 8_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder that holds the image sets")
    parser.add_argument("out", type=Path)
    parser.add_argument("--budget", default="2m")
    parser.add_argument("sets", nargs="*", default=list(SETS))
    asked = parser.parse_args()
    for name in asked.sets:
        atlas = asked.out / f"{name}.atlas"
        command = [sys.executable, "-m", "imatlas.app.cli", "run", str(asked.shared / SETS[name])]
        start = time.monotonic()
        subprocess.run([*command, "--budget", asked.budget, "--out", str(atlas)], check=True)
        size = (atlas / "report.html").stat().st_size
        if size > MOST_BYTES:
            sys.exit(f"{name}: the report has {size:,} bytes; wanted {MOST_BYTES:,} at most.")
        scores = json.loads(next(atlas.glob("models/*/scores.json")).read_text())["scores"]
        if not scores or not all(math.isfinite(score["value"]) for score in scores):
            sys.exit(f"{name}: scores are missing or not finite.")
        print(f"{name}: {time.monotonic() - start:.0f} s, report of {size:,} bytes, {len(scores)} scores", flush=True)


if __name__ == "__main__":
    main()
