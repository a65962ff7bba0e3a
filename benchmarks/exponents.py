"""How does the time of each distance, similarity, map and clustering grow with the number of rows?

Measures every method on growing sets of one made manifold (`manifold/sets.py`, 6 dimensions in 64), from a ready graph
where one is taken, and fits seconds = c n^e to the CPU time of the larger half. One process, no peers. Usage:

    PYTHONPATH=src python benchmarks/exponents.py [--most 32000]        prints a table for docs/cost.md
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from manifold.sets import bent_cube

import imatlas
from imatlas.geometry import estimate_density, estimate_dimension, outlier_scores, tangent_spaces
from imatlas.manifold import GeodesicOracle, landmark_geodesics, map_trust
from imatlas.values import KnnGraph

FULL_TABLE = 8000
"""Rows up to which all pairs are asked for."""


def methods(rows: np.ndarray, graph: KnnGraph) -> dict[str, Callable[[], object]]:
    """Give what is measured, by name, for a set and its graph."""
    n = len(rows)
    pairs = np.random.default_rng(0).integers(n, size=(2, 100_000))
    found: dict[str, Callable[[], object]] = {}
    if n <= FULL_TABLE:
        for metric in ("euclidean", "cosine", "correlation", "geodesic", "diffusion"):
            found[f"distance, all pairs: {metric}"] = lambda m=metric: imatlas.manifold_distance(rows, metric=m, graph=graph)
        for metric in ("correlation", "cosine", "diffusion"):
            found[f"similarity, all pairs: {metric}"] = lambda m=metric: imatlas.manifold_similarity(
                rows, metric=m, graph=graph
            )
    found |= {
        "graph, exact": lambda: imatlas.knn_graph(rows, method="exact"),
        "graph, approximate": lambda: imatlas.knn_graph(rows, method="approximate"),
        "128 landmark geodesics": lambda: landmark_geodesics(graph),
        "geodesic neighbors, k = 30": lambda: (
            imatlas.ManifoldNeighbors(metric="geodesic").fit(graph).kneighbors(n_neighbors=30)
        ),
        "bounds of 100,000 pairs": lambda: GeodesicOracle(graph, landmark_geodesics(graph, 16)).bounds(*pairs),
        "dimension": lambda: estimate_dimension(graph),
        "density": lambda: estimate_density(graph, estimate_dimension(graph)),
        "outlier scores": lambda: outlier_scores(graph),
        "tangent spaces, 6": lambda: tangent_spaces(rows, graph, n_components=6),
        "NeighborMap": lambda: imatlas.NeighborMap().fit(rows, graph=graph),
        "SpectralMap": lambda: imatlas.SpectralMap().fit(rows, graph=graph),
        "DiffusionMap": lambda: imatlas.DiffusionMap().fit(rows, graph=graph),
        "LandmarkIsomap": lambda: imatlas.LandmarkIsomap().fit(rows, graph=graph),
        "TangentAlignment": lambda: imatlas.TangentAlignment().fit(rows, graph=graph),
        "SpectralClusters, 8": lambda: imatlas.SpectralClusters(8).fit(rows, graph=graph),
        "DensityClusters": lambda: imatlas.DensityClusters().fit(rows, graph=graph),
        "BalancedClusters": lambda: imatlas.BalancedClusters().fit(rows),
        "trust": lambda: map_trust(rows, rows[:, :2]),
    }
    return found


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=32_000)
    most = parser.parse_args().most
    warnings.simplefilter("ignore")
    seconds: dict[str, dict[int, float]] = {}
    for n in (most // 16, most // 8, most // 4, most // 2, most):
        rows = bent_cube(n)[0]
        graph = imatlas.knn_graph(rows)
        for name, work in methods(rows, graph).items():
            start = time.process_time()
            work()
            seconds.setdefault(name, {})[n] = time.process_time() - start
    print("| method | rows | CPU seconds at the most rows | measured exponent |\n|---|---|---|---|")
    for name, found in seconds.items():
        sizes = sorted(found)[-3:]
        exponent = np.polyfit(np.log(sizes), np.log([found[n] for n in sizes]), 1)[0]
        print(f"| {name} | {sizes[0]:,} to {sizes[-1]:,} | {found[sizes[-1]]:.2f} | {exponent:.1f} |")


if __name__ == "__main__":
    main()
