"""Do 95 % intervals hold the truth 95 times in 100?

Sets of 500 real, 500 stand-in and 500 generated feature rows are drawn again and again from distributions whose scores
are known, and every metric that has an interval is asked each time. The truth is a closed form where there is one (kind
"form"); else the mean over all draws (kind "mean"), which is what the number is at this many images: that tests the
width of an interval, not whether the number is right. Counted beside it: how often the truth lies below and above, the
spread of the numbers, and half the mean width over 1.96, which should be that spread.

    python benchmarks/intervals.py --draws 1000            draws (what is in the log is kept), then prints the table
    python benchmarks/intervals.py --table                 prints the table of the log
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imatlas.evaluation import METRICS, judge, with_generated
from imatlas.evaluation.judged import compare
from imatlas.evaluation.of_rows import SPACE, trial_of_rows
from imatlas.evaluation.paired import TRACED

N = 500
D = 16
HERE = Path(__file__).parent
LOG = HERE / "scratch" / "intervals.jsonl"
RESULTS = HERE / "results" / "intervals.json"
BALLS = ("clipped_density", "precision", "density", "coverage", "recall")
MODES = ("mode_ratio", "vendi_ratio", "mode_share")
DISTANCES = ("kernel_distance", "frechet_distance", "sliced_distance")
RATES = ("copy_rate", "duplicate_rate")
JUDGED = DISTANCES + BALLS + MODES + RATES

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """Where real and generated rows come from, and what is known of their scores.

    `second` draws another generator's rows for the paired comparison; `copied` is the share of generated rows that are
    training rows, hardly changed.
    """

    real: Draw
    generated: Draw
    truth: dict[str, float]
    second: Draw
    copied: float = 0.0


def gaussian(*, shift: float = 0.0, scale: float = 1.0) -> Draw:
    return lambda rng, n: scale * rng.standard_normal((n, D)) + shift


def centres(n_modes: int = 10) -> np.ndarray:
    return 3.0 * np.random.default_rng(7).standard_normal((n_modes, D))


def modes(n_kept: int) -> Draw:
    return lambda rng, n: centres()[rng.integers(n_kept, size=n)] + rng.standard_normal((n, D))


def skewed(*, shift: float = 0.0) -> Draw:
    """Features as networks give them: many small, few large, dependent through a common size."""
    return lambda rng, n: rng.gamma(1.0, 1.0, (n, D)) * rng.gamma(4.0, 0.25, (n, 1)) + shift


def partly_far(good: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        rows = rng.standard_normal((n, D))
        rows[rng.random(n) >= good] += 30
        return rows

    return draw


def kernel_of_shift(shift: float) -> float:
    e = shift**2
    return 3 * e + 3 * e**2 + e**3 + 3 * e / D + 6 * e**2 / D + 6 * e / D**2


def kernel_of_scale(scale: float) -> float:
    """Of N(0, I) against N(0, s^2 I): E k = 1 + 3 a b / d where a, b are the variances of the two sides."""
    e = scale**2
    return 3 / D * (1 + e**2 - 2 * e)


NOTHING = dict.fromkeys((*DISTANCES, "copy_rate", "duplicate_rate"), 0.0)
WHOLE = dict.fromkeys(("clipped_density", "coverage", "density", "mode_ratio", "vendi_ratio"), 1.0)
SCENARIOS = {
    "equal": Scenario(gaussian(), gaussian(), NOTHING | WHOLE, gaussian()),
    "shifted": Scenario(
        gaussian(),
        gaussian(shift=0.25),
        {"kernel_distance": kernel_of_shift(0.25), "frechet_distance": D * 0.0625, "sliced_distance": 3 * D * 0.0625},
        gaussian(shift=0.3),
    ),
    "narrow": Scenario(
        gaussian(),
        gaussian(scale=0.8),
        {"kernel_distance": kernel_of_scale(0.8), "frechet_distance": D * 0.04, "sliced_distance": 3 * D * 0.04},
        gaussian(scale=0.85),
    ),
    "modes": Scenario(modes(10), modes(7), {"coverage": 0.7, "copy_rate": 0.0}, modes(6)),
    "skewed": Scenario(skewed(), skewed(shift=0.1), {}, skewed()),
    "far": Scenario(gaussian(), partly_far(0.5), {"coverage": 0.5, "clipped_density": 0.5}, partly_far(0.6)),
    "copies": Scenario(gaussian(), gaussian(), {"copy_rate": 0.1}, gaussian(), copied=0.1),
}


def measure(name: str, draw: int, n: int = N) -> dict[str, tuple[float, float, float]]:
    """Draw once and give (value, low, high) of every metric, and of every paired difference."""
    scenario = SCENARIOS[name]
    rng = np.random.default_rng([draw, *name.encode()])
    train, held_out = scenario.real(rng, n), scenario.real(rng, n)
    generated = scenario.generated(rng, n)
    copied = rng.random(n) < scenario.copied
    generated[copied] = train[rng.permutation(n)[: copied.sum()]] + 0.01 * rng.standard_normal((int(copied.sum()), D))
    first = judge(trial_of_rows(train, held_out, generated))
    other = trial_of_rows(train, held_out, scenario.second(rng, n))
    second = with_generated(first, other.generated, {SPACE: other.features[SPACE]["generated"]})
    found = {}
    for metric in JUDGED:
        traced = [TRACED[metric](compare(trial, SPACE)) for trial in (first, second)] if metric in TRACED else []
        # A distance is what its metric gives, less the floor, which would take a third of the time.
        estimate = traced[0].distance() if metric in DISTANCES else METRICS[metric](first, SPACE)
        # A rate is never below 0; what it would be unclipped has the rate's truth as its mean.
        value = estimate.value if metric not in RATES else estimate.details["unclipped"]
        found[metric] = (value, *estimate.interval)
        if traced:
            gap = traced[0].minus(traced[1]).estimate()
            found[f"{metric}, difference"] = (gap.value, *gap.interval)
    return found


def truth_of(scenario: str, metric: str, values: np.ndarray) -> tuple[float, str]:
    known = SCENARIOS[scenario].truth
    if metric in known:
        return known[metric], "form"
    if metric.endswith("difference") and scenario == "equal":
        return 0.0, "form"
    return (max(0.0, float(values.mean())) if metric in RATES else float(values.mean())), "mean"


def table(log: Path) -> list[dict[str, object]]:
    drawn: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        for metric, found in entry["found"].items():
            drawn.setdefault((entry["scenario"], metric), []).append(found)
    rows = []
    for (scenario, metric), found in sorted(drawn.items()):
        values, low, high = np.array(found).T
        truth, kind = truth_of(scenario, metric, values)
        held = (low <= truth) & (truth <= high)
        rows.append(
            {
                "scenario": scenario,
                "metric": metric,
                "draws": len(values),
                "truth": round(truth, 5),
                "kind": kind,
                "mean": round(float(values.mean()), 5),
                "held": round(float(held.mean()), 4),
                "truth_below": round(float((truth < low).mean()), 4),
                "truth_above": round(float((truth > high).mean()), 4),
                "spread": round(float(values.std()), 5),
                "claimed": round(float((high - low).mean() / 3.92), 5),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write the table to results/intervals.json")
    asked = parser.parse_args()
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    if not asked.table:
        known = set()
        if asked.log.exists():
            known = {(e["scenario"], e["draw"]) for e in map(json.loads, asked.log.read_text().splitlines())}
        with asked.log.open("a") as log:
            for draw in range(asked.draws):
                for scenario in asked.scenarios.split(","):
                    if (scenario, draw) not in known:
                        found = measure(scenario, draw)
                        log.write(json.dumps({"scenario": scenario, "draw": draw, "found": found}) + "\n")
                        log.flush()
    rows = table(asked.log)
    for row in rows:
        print("  ".join(str(cell).ljust(12) for cell in row.values()), "" if 0.92 <= row["held"] <= 0.98 else " <--")
    if asked.keep:
        RESULTS.write_text(json.dumps({"n": N, "dimensions": D, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
