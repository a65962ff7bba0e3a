"""Forecast beside measured time and memory, step by step, for a few sizes; with --fit the constants that fit best.

Usage: python scripts/proofs/forecast.py [--fit] [--largest N]
Each size runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from statistics import median

SIZES = ((2_000, 64), (5_000, 784), (10_000, 64), (30_000, 64), (40_000, 784), (100_000, 64))
SPARSE = ((3_000, 5_000, 20), (10_000, 8_000, 20))
MOST_OTHERS = 5_000
"""Rows up to which the maps and clusterings that are not the defaults are measured too."""


def rows_of(n: int, d: int, filled: int):
    """Rows near a surface of 8 dimensions, or sparse counts."""
    import numpy as np
    from scipy import sparse

    rng = np.random.default_rng(0)
    if filled:
        columns = (rng.zipf(1.3, size=n * filled) - 1) % d
        return sparse.csr_matrix((np.ones(n * filled, np.float32), (np.repeat(np.arange(n), filled), columns)), (n, d))
    hidden = rng.normal(size=(n, 8)).astype(np.float32)
    bent = np.hstack([np.sin(hidden), np.cos(hidden)]) @ rng.normal(size=(16, d)).astype(np.float32)
    return bent + 0.05 * rng.normal(size=(n, d)).astype(np.float32)


def measure(n: int, d: int, filled: int) -> dict:
    """Seconds of each step, the speed of the machine, and the peak memory of the default steps."""
    from imatlas.geometry import estimate_density, estimate_dimension
    from imatlas.images import read_matrix
    from imatlas.manifold import CLUSTERINGS, EMBEDDINGS, landmark_geodesics
    from imatlas.neighbors import knn_graph
    from imatlas.recipes import MapWishes, forecast
    from imatlas.recipes.forecasting import machine_speed
    from imatlas.recipes.rows import cluster_rows, fit_map, measure_trust

    matrix = read_matrix(rows_of(n, d, filled))
    wishes = MapWishes().settled(matrix)
    told = forecast(n, d, clustering=wishes.clustering, filled=filled)
    seconds: dict[str, float] = {}

    def clocked(name, act):
        wall, own = time.perf_counter(), time.process_time()
        answer = act()
        # The less of the two clocks: others on the machine stretch the first, threads the second.
        seconds[name] = min(time.perf_counter() - wall, time.process_time() - own)
        return answer

    graph = clocked(told.steps[0].step, lambda: knn_graph(matrix.rows, metric=wishes.metric))
    clocked("geometry", lambda: estimate_density(graph, estimate_dimension(graph)))
    mapper = clocked(wishes.embedding, lambda: fit_map(matrix, graph, wishes))
    clocked(wishes.clustering, lambda: cluster_rows(matrix, graph, wishes))
    clocked("trust", lambda: measure_trust(matrix, graph, mapper.embedding_, 0))
    peak = 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clocked("landmark geodesics", lambda: landmark_geodesics(graph, seed=0))
    for name in [name for name in EMBEDDINGS if n <= MOST_OTHERS and name not in seconds]:
        other = MapWishes(embedding=name).settled(matrix)
        clocked(name, lambda other=other: fit_map(matrix, graph, other))
    for name in [name for name in CLUSTERINGS if n <= MOST_OTHERS and name not in seconds and not filled]:
        other = MapWishes(clustering=name).settled(matrix)
        clocked(name, lambda other=other: cluster_rows(matrix, graph, other))
    return {"seconds": seconds, "speed": machine_speed(), "peak": peak, "memory": told.memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--child", nargs=3, type=int)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(measure(*asked.child)))
        return
    from imatlas.recipes.costs import CONSTANTS, START, STEPS, Size

    fitted: dict[str, list[float]] = {}
    for n, d, filled in [size for size in [*((n, d, 0) for n, d in SIZES), *SPARSE] if size[0] <= asked.largest]:
        child = [sys.executable, __file__, "--child", str(n), str(d), str(filled)]
        found = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
        print(f"\n{n:,} x {d:,}" + (f", {filled} of them filled" if filled else ""))
        for step, seconds in found["seconds"].items():
            cost = STEPS.get(step)
            if cost is None:
                print(f"  {step:<20} {seconds:8.2f} s measured, nothing known of its cost")
                continue
            unit = cost.work(Size(n, d, 15, filled=float(filled))) / found["speed"][cost.resource]
            told = START + CONSTANTS[step] * unit
            print(f"  {step:<20} {told:8.2f} s forecast {seconds:8.2f} s measured  x {told / max(seconds, 1e-3):.2f}")
            if seconds > 5 * START:
                fitted.setdefault(step, []).append((seconds - START) / unit)
        print(f"  {'peak memory':<20} {found['memory'] / 1e9:8.2f} GB forecast {found['peak'] / 1e9:7.2f} GB measured")
    if asked.fit:
        print("\nCONSTANTS: Mapping[str, float] = {")
        for step in STEPS:
            values = sorted(fitted.get(step, []))
            said = (
                f"{median(values):.3g},  # {values[0]:.3g} to {values[-1]:.3g}" if values else f"{CONSTANTS.get(step, 1):.3g},"
            )
            print(f'    "{step}": {said}')
        print("}")


if __name__ == "__main__":
    main()
