"""imatlas, as benchmarks/manifold.py measures it: defaults everywhere, nothing chosen for a set."""

import hashlib

import numpy as np

from manifold.cell import Cell, scorer

N_PAIRS = 1_000_000
N_LANDMARKS = 128


def _knn_graph():
    import imatlas

    return imatlas.knn_graph


def measure_graph(cell: Cell) -> None:
    graph = cell.twice(_knn_graph)
    cell.numbers |= scorer().graph_scores(cell.rows, graph.indices) | {"own_recall": graph.recall}


def measure_map(cell: Cell) -> None:
    def load():
        import imatlas

        return imatlas.NeighborMap().fit_transform

    places = cell.twice(load)
    cell.numbers |= scorer().map_scores(cell.rows, places, cell.labels)
    import imatlas

    own = imatlas.map_trust(cell.rows, places)
    for name in ("trustworthiness", "neighbor_recall"):
        cell.numbers[f"{name}_by_map_trust"] = own[name]
        cell.numbers[f"{name}_error"] = own[f"{name}_error"]


def measure_clusters(cell: Cell) -> None:
    """Clusters from the ready graph; the graph's seconds stand beside."""
    with cell.timed("import"):
        from imatlas import DensityClusters, knn_graph
    with cell.timed("graph"):
        graph = knn_graph(cell.rows, n_neighbors=15)
    with cell.timed("first"):
        labels = DensityClusters().fit(cell.rows, graph=graph).labels_
    cell.mark()
    with cell.timed("again"):
        DensityClusters().fit(cell.rows, graph=graph)
    cell.numbers |= scorer().cluster_scores(cell.labels, labels, cell.rows)


def measure_geodesics(cell: Cell) -> None:
    """Landmarks, then bounds of a million random pairs; the gap is (upper - lower) / their mean, of pairs a path joins."""
    graph = _knn_graph()(cell.rows, n_neighbors=15)
    from imatlas.manifold import landmark_geodesics

    with cell.timed("first"):
        geodesics = landmark_geodesics(graph, N_LANDMARKS)
    cell.mark()
    i, j = np.random.default_rng(3).integers(0, len(cell.rows), size=(2, N_PAIRS))
    with cell.timed("bounds"):
        lower, upper = geodesics.bounds(i, j)
    joined = np.isfinite(upper) & (upper > 0)
    gap = 2 * (upper - lower)[joined] / (upper + lower)[joined]
    cell.numbers["pairs_per_second"] = N_PAIRS / cell.numbers["bounds_seconds"]
    cell.numbers["median_gap"] = float(np.median(gap))


def measure_transform(cell: Cell) -> None:
    """New rows placed on the map of the variant; the first 20 alone must get the same places, to the bit."""
    import imatlas

    old, new = cell.split()
    estimator = getattr(imatlas, cell.variant)()
    with cell.timed("fit"):
        estimator.fit(old)
    with cell.timed("first"):
        places = estimator.transform(new)
    cell.mark()
    cell.numbers["rows_per_second"] = len(new) / cell.numbers["first_seconds"]
    cell.numbers["same_alone"] = bool(np.array_equal(estimator.transform(new[:20]), places[:20]))


def measure_inverse(cell: Cell) -> None:
    """Features of the places of new rows, and how far transform brings those from the places, in map diameters."""
    import imatlas

    old, new = cell.split()
    method, dimension = cell.variant.split("-")
    estimator = getattr(imatlas, method)(int(dimension)).fit(old)
    places = estimator.transform(new)
    with cell.timed("first"):
        features = estimator.inverse_transform(places)
    cell.mark()
    cell.numbers["rows_per_second"] = len(new) / cell.numbers["first_seconds"]
    back = np.linalg.norm(estimator.transform(features) - places, axis=1)
    cell.numbers["round_trip"] = float(np.median(back) / np.linalg.norm(np.ptp(estimator.embedding_, axis=0)))
    cell.numbers["feature_error"] = float(np.square(features - new).sum() / np.square(new - new.mean(axis=0)).sum())


def measure_large(cell: Cell) -> None:
    """Graph, then a 2-D map from it, once each."""
    with cell.timed("import"):
        import imatlas

        work = imatlas.knn_graph, imatlas.NeighborMap
    with cell.timed("graph"):
        graph = work[0](cell.rows, n_neighbors=15)
    with cell.timed("map"):
        places = work[1]().fit_transform(cell.rows, graph=graph)
    cell.mark()
    cell.numbers["both_seconds"] = cell.numbers["graph_seconds"] + cell.numbers["map_seconds"]
    cell.numbers |= scorer().graph_scores(cell.rows, graph.indices) | {"own_recall": graph.recall}
    cell.numbers |= scorer().map_scores(cell.rows, places, cell.labels)


def measure_trust(cell: Cell) -> None:
    """Trust scores, at their defaults, of the map by two principal components."""
    import imatlas

    places = principal_places(cell.rows)
    with cell.timed("first"):
        trust = imatlas.map_trust(cell.rows, places)
    cell.mark()
    cell.numbers |= trust


def measure_threads(cell: Cell) -> None:
    """Graph, map and clusters under the number of threads that the process was started with, and hashes of their bits."""
    import imatlas

    with cell.timed("graph"):
        graph = imatlas.knn_graph(cell.rows, n_neighbors=15)
    with cell.timed("map"):
        places = imatlas.NeighborMap().fit_transform(cell.rows, graph=graph)
    cell.numbers |= {"graph_bits": _bits(graph.indices, graph.distances), "map_bits": _bits(places)}
    for name in ("DensityClusters", "BalancedClusters"):
        if hasattr(imatlas, name):
            more = {"graph": graph} if name == "DensityClusters" else {}
            with cell.timed(name):
                labels = getattr(imatlas, name)().fit(cell.rows, **more).labels_
            cell.numbers[f"{name}_bits"] = _bits(labels)
    cell.mark()


def principal_places(rows: np.ndarray) -> np.ndarray:
    """Give the first two principal components of rows, float32 (n, 2)."""
    center = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh(np.cov(rows[:: max(1, len(rows) // 20_000)].T))
    return (rows - center) @ axes[:, :-3:-1].astype(np.float32)


def _bits(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


CELLS = {
    "graph": measure_graph,
    "map": measure_map,
    "clusters": measure_clusters,
    "geodesics": measure_geodesics,
    "transform": measure_transform,
    "inverse": measure_inverse,
    "large": measure_large,
    "trust": measure_trust,
    "threads": measure_threads,
}
"""Group -> measurement."""
