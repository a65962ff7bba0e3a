"""The peers, as benchmarks/manifold.py measures them: their own defaults unless a line here says otherwise.

None is given a seed, which would take their threads away. Who counts a row as its own neighbor is asked for 16, so that each
gives 15 others.
"""

import numpy as np

from manifold.cell import Cell, scorer
from manifold.ours import N_LANDMARKS, principal_places

K = 15
N_INVERTED = 200
"""Places umap-learn is asked to invert: its inverse is slow."""


def _pynndescent():
    from pynndescent import NNDescent

    return lambda rows: NNDescent(rows, n_neighbors=K + 1).neighbor_graph[0]


def _faiss():
    import faiss

    def search(rows: np.ndarray) -> np.ndarray:
        index = faiss.IndexFlatL2(rows.shape[1])
        index.add(rows)
        return index.search(rows, K + 1)[1]

    return search


def _hnswlib():
    """M = 16 and ef_construction = 200 are its defaults; ef = 100 where its 10 could not hold 16 neighbors."""
    import hnswlib

    def search(rows: np.ndarray) -> np.ndarray:
        index = hnswlib.Index(space="l2", dim=rows.shape[1])
        index.init_index(max_elements=len(rows), M=16, ef_construction=200)
        index.add_items(rows)
        index.set_ef(100)
        return index.knn_query(rows, k=K + 1)[0].astype(np.int64)

    return search


def _umap():
    import umap

    return lambda rows: umap.UMAP().fit_transform(rows)


def _pacmap():
    import pacmap

    return lambda rows: pacmap.PaCMAP().fit_transform(rows)


def _evoc():
    """Give its clusters and those of all its layers."""
    import evoc

    def cluster(rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        model = evoc.EVoC()
        return model.fit_predict(rows), model.cluster_layers_

    return cluster


def _umap_hdbscan():
    """As umap-learn's page on clustering does it for MNIST (30 neighbors, no least distance, 500 rows), 500 in proportion."""
    import fast_hdbscan
    import umap

    def cluster(rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        places = umap.UMAP(n_neighbors=30, min_dist=0.0).fit_transform(rows)
        model = fast_hdbscan.HDBSCAN(min_samples=10, min_cluster_size=max(10, 500 * len(rows) // 70_000))
        return model.fit_predict(places), []

    return cluster


def measure_graph(load):
    def measure(cell: Cell) -> None:
        indices = _without_own(cell.twice(load))
        cell.numbers |= scorer().graph_scores(cell.rows, indices)

    return measure


def measure_map(load):
    def measure(cell: Cell) -> None:
        places = np.asarray(cell.twice(load), dtype=np.float32)
        cell.numbers |= scorer().map_scores(cell.rows, places, cell.labels)

    return measure


def measure_clusters(load):
    """The library's own choice; "best" is the layer with the highest ARI over all rows, which only labels can find."""

    def measure(cell: Cell) -> None:
        labels, layers = cell.twice(load)
        cell.numbers |= scorer().cluster_scores(cell.labels, np.asarray(labels), cell.rows)
        scores = [scorer().cluster_scores(cell.labels, np.asarray(layer), cell.rows) for layer in layers]
        if scores:
            best = max(scores, key=lambda score: score["ari"])
            cell.numbers |= {f"best_{name}": value for name, value in best.items()}

    return measure


def measure_landmarks(cell: Cell) -> None:
    """SciPy's Dijkstra from 128 random rows of the same graph."""
    from scipy.sparse.csgraph import dijkstra

    import imatlas

    links = imatlas.knn_graph(cell.rows, n_neighbors=K).adjacency
    sources = np.random.default_rng(3).choice(len(cell.rows), N_LANDMARKS, replace=False)
    with cell.timed("first"):
        dijkstra(links, directed=False, indices=sources)
    cell.mark()


def measure_transform(cell: Cell) -> None:
    import umap

    old, new = cell.split()
    model = umap.UMAP()
    with cell.timed("fit"):
        model.fit(old)
    with cell.timed("first"):
        model.transform(new)
    cell.mark()
    with cell.timed("again"):
        model.transform(new)
    cell.numbers["rows_per_second"] = len(new) / cell.numbers["again_seconds"]


def measure_inverse(cell: Cell) -> None:
    import umap

    old, new = cell.split()
    model = umap.UMAP().fit(old)
    places, new = model.transform(new)[:N_INVERTED], new[:N_INVERTED]
    model.inverse_transform(places[:4])
    with cell.timed("first"):
        features = model.inverse_transform(places)
    cell.mark()
    cell.numbers["rows_per_second"] = len(places) / cell.numbers["first_seconds"]
    cell.numbers["feature_error"] = float(np.square(features - new).sum() / np.square(new - new.mean(axis=0)).sum())


def measure_large(cell: Cell) -> None:
    with cell.timed("import"):
        search = _pynndescent()
    with cell.timed("graph"):
        indices = search(cell.rows)
    cell.mark()
    cell.numbers |= scorer().graph_scores(cell.rows, _without_own(indices))


def measure_trust(cell: Cell) -> None:
    """scikit-learn's trustworthiness on 10,000 rows at most, for its table is n x n; beside it ours of the same rows."""
    from sklearn.manifold import trustworthiness

    import imatlas

    rows = cell.rows[:: max(1, -(-len(cell.rows) // 10_000))]
    places = principal_places(rows)
    with cell.timed("first"):
        theirs = trustworthiness(rows, places, n_neighbors=K)
    cell.mark()
    ours = imatlas.map_trust(rows, places, k=K, n_anchors=len(rows))["trustworthiness"]
    cell.numbers |= {
        "compared_rows": len(rows),
        "trustworthiness": float(theirs),
        "ours": ours,
        "difference": abs(ours - theirs),
    }


def _without_own(indices: np.ndarray) -> np.ndarray:
    """Take each row itself, or else its last neighbor, out of (n, k + 1)."""
    own = indices == np.arange(len(indices))[:, None]
    own[:, -1] |= ~own.any(axis=1)
    return indices[~own].reshape(len(indices), -1)


CELLS = {
    ("graph", "pynndescent"): measure_graph(_pynndescent),
    ("graph", "faiss"): measure_graph(_faiss),
    ("graph", "hnswlib"): measure_graph(_hnswlib),
    ("map", "umap"): measure_map(_umap),
    ("map", "pacmap"): measure_map(_pacmap),
    ("clusters", "evoc"): measure_clusters(_evoc),
    ("clusters", "umap+hdbscan"): measure_clusters(_umap_hdbscan),
    ("geodesics", "scipy"): measure_landmarks,
    ("transform", "umap"): measure_transform,
    ("inverse", "umap"): measure_inverse,
    ("large", "pynndescent"): measure_large,
    ("trust", "scikit-learn"): measure_trust,
}
"""Group and peer -> measurement."""
