"""How far a map can be trusted: exact ranks of sampled rows, with intervals.

For an anchor i let r(i, j) be the rank of j by distance among the features and s(i, j) among the map places. With k neighbors

    trustworthiness   1 - 2 / (n k (2n - 3k - 1)) sum_i sum_{j near i on the map} max(0, r(i, j) - k)
    continuity        the same with features and map exchanged
    neighbor recall   share of the k map neighbors j with r(i, j) <= k
    triplets          share of random triplets (i, a, b) whose nearer row is the same in both
    geodesic          Spearman's correlation, over rows j, of the distance along the data g(i, j) with that on the map

The sums run over a random sample of anchors, which leaves the means unbiased; the half-width of the 95 % interval is given
beside each as `<name>_error`. Trustworthiness alone rewards keeping noise; triplets and geodesics judge the map at large.
Distances are float64 products of centred rows, so that ranks are right also where rows lie far closer together than wide apart.

References: Venna, Kaski, "Neighborhood preservation in nonlinear projection methods", 2001; Wang et al., "Understanding how
dimension reduction tools work", 2021, arXiv 2012.04456 (random triplets).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse
from scipy.stats import rankdata
from threadpoolctl import threadpool_info, threadpool_limits

from imatlas.checks import InputError, require_matrix
from imatlas.manifold.geodesics import all_geodesics
from imatlas.values import Geodesics, KnnGraph

__all__ = ["geodesic_rank_correlation", "map_trust"]

_TRIPLETS = 50
_TABLE = 2**25  # distances of a block of anchors: 256 MB
_CHUNK = 8192
_GROUP = 64
_WORKERS = 4  # blocks scored side by side, at most
_TARGETS = 20_000


def map_trust(
    X: np.ndarray | sparse.spmatrix,
    coordinates: np.ndarray,
    *,
    k: int = 15,
    n_anchors: int = 1000,
    seed: int = 0,
    along: KnnGraph | Geodesics | None = None,
) -> dict[str, float]:
    """Score how well a map keeps neighbors and arrangement, whoever made it.

    Parameters
    ----------
    X : (n, d) features, dense or CSR, n >= 4.
    coordinates : (n, q) places of the same rows on any map.
    k : neighbors, below n / 2; lowered to that if above.
    n_anchors : rows sampled; intervals narrow with its root, time grows with it.
    seed : of anchors and triplets.
    along : the rows' neighbor graph, or landmark geodesics measured on it; None leaves the geodesic score out.

    Returns
    -------
    dict with "trustworthiness", "continuity", "neighbor_recall" and "random_triplet_accuracy", each in [0, 1]; with `along`
    also "geodesic_rank_correlation", in [-1, 1]; and for each "<name>_error", the half-width of its 95 % interval (0 when every
    row is an anchor; triplets and geodesics are always sampled).

    Raises
    ------
    InputError
        If there are fewer than 4 rows, or the two matrices, or the graph, have different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> map_trust(X, 3 * X)["trustworthiness"]
    1.0
    """
    rows, places = _Points(X, "X"), _Points(coordinates, "coordinates")
    n = rows.n
    if places.n != n or n < 4:
        raise InputError(f"Trust was asked of {n} rows and {places.n} places; wanted one place per row, 4 rows or more.")
    if n_anchors < 1 or k < 1:
        raise InputError(f"Trust was asked with k = {k} and {n_anchors} anchors; wanted at least 1 of each.")
    k = int(min(k, (n - 1) // 2))
    trust = _sampled_scores(rows, places, k, min(n_anchors, n), np.random.default_rng(seed))
    if along is not None:
        value, error = geodesic_rank_correlation(coordinates, along, n_anchors=n_anchors, seed=seed)
        trust |= {"geodesic_rank_correlation": value, "geodesic_rank_correlation_error": error}
    return trust


def geodesic_rank_correlation(
    coordinates: np.ndarray, along: KnnGraph | Geodesics, *, n_anchors: int = 100, seed: int = 0
) -> tuple[float, float]:
    """Say how well distances on a map rank as distances along the data do.

    Parameters
    ----------
    coordinates : (n, q) places on any map.
    along : neighbor graph of the rows, from which geodesics of sampled anchors are measured; or landmark geodesics, whose
        landmarks are the anchors: at no cost, but the interval then speaks of rows chosen as the landmarks were.
    n_anchors : rows sampled on a graph; at most 100, and fewer above 200,000 rows, at least 20.
    seed : of the anchors, and of the 20,000 rows ranked if there are more.

    Returns
    -------
    mean of Spearman's correlation over the anchors, in [-1, 1], and the half-width of its 95 % interval. Rows that an anchor
    does not reach are left out of its ranks; NaN if no anchor reaches 3 others.

    Raises
    ------
    InputError
        If the graph has another number of rows.
    """
    places = require_matrix(coordinates, "coordinates").astype(np.float64)
    n, rng = len(places), np.random.default_rng(seed)
    known = len(along) if isinstance(along, KnnGraph) else along.distances.shape[1]
    if known != n:
        raise InputError(f"The map has {n} places, the geodesics {known} rows; give those of the map's own rows.")
    targets = np.sort(rng.choice(n, size=min(n, _TARGETS), replace=False))
    correlations = []
    for anchor, lengths in _geodesics(along, min(n_anchors, int(np.clip(2e7 // n, 20, 100)), n), rng):
        reached = targets[np.isfinite(lengths[targets]) & (targets != anchor)]
        if len(reached) >= 3:
            ranks = rankdata([lengths[reached], np.square(places[reached] - places[anchor]).sum(axis=1)], axis=1)
            ranks -= ranks.mean(axis=1, keepdims=True)
            spread = np.sqrt(np.square(ranks).sum(axis=1).prod())
            correlations.append(float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else 0.0)
    if not correlations:
        return float("nan"), float("nan")
    return float(np.mean(correlations)), float(1.96 * np.std(correlations) / np.sqrt(len(correlations)))


def _sampled_scores(rows: _Points, places: _Points, k: int, n_anchors: int, rng: np.random.Generator) -> dict[str, float]:
    """Give the four scores of sampled anchors and their errors."""
    n = rows.n
    anchors = np.sort(rng.choice(n, size=n_anchors, replace=False))
    others = rng.integers(0, n, size=(n_anchors, _TRIPLETS, 2))
    step = max(1, _TABLE // n)
    blocks = [slice(start, start + step) for start in range(0, n_anchors, step)]
    workers = max(1, min([_WORKERS, *(pool["num_threads"] for pool in threadpool_info())]))
    # A product on one thread, since its last bits may depend on how many share it; blocks go side by side instead.
    with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        scores = np.hstack(list(pool.map(lambda b: _score_block(rows, places, anchors[b], others[b], k), blocks)))
    names = ("trustworthiness", "continuity", "neighbor_recall", "random_triplet_accuracy")
    # Rows drawn without repetition: the error vanishes when all are drawn.
    left = np.sqrt(np.array([1 - n_anchors / n] * 3 + [1.0]))
    errors = 1.96 * scores.std(axis=1) / np.sqrt(n_anchors) * left
    means = dict(zip(names, (float(mean) for mean in scores.mean(axis=1))))
    return means | {f"{name}_error": float(error) for name, error in zip(names, errors)}


def _geodesics(along: KnnGraph | Geodesics, n_anchors: int, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Yield anchors and their distances (n,) along the data."""
    if isinstance(along, Geodesics):
        yield from zip(along.landmarks, along.distances)
        return
    for anchor in np.sort(rng.choice(len(along), size=n_anchors, replace=False)):
        yield anchor, all_geodesics(along, anchor)


class _Points:
    """Rows that give their distances to all of them, block by block; nothing is copied."""

    def __init__(self, X: np.ndarray | sparse.spmatrix, name: str) -> None:
        self.rows = sparse.csr_matrix(X, dtype=np.float64) if sparse.issparse(X) else require_matrix(X, name)
        if sparse.issparse(X) and not np.isfinite(self.rows.data).all():
            raise InputError(f"{name} has NaN or infinite values among its stored entries; drop or mend them.")
        self.n = self.rows.shape[0]
        self.center = np.zeros(0) if sparse.issparse(X) else self.rows.mean(axis=0, dtype=np.float64)
        self.chunks = [slice(start, start + _CHUNK) for start in range(0, self.n, _CHUNK)]
        self.lengths = np.concatenate([_squared_lengths(self._part(chunk)) for chunk in self.chunks] or [np.zeros(0)])

    def squared_distances(self, anchors: np.ndarray) -> np.ndarray:
        """Give squared distances float64 (b, n) from some rows to all, infinite to themselves."""
        squared = np.empty((len(anchors), self.n))
        own = self._part(anchors)
        lengths = self.lengths[anchors][:, None]
        for chunk in self.chunks:
            product = own @ self._part(chunk).T
            table = product.toarray() if sparse.issparse(product) else product
            table *= -2
            table += lengths
            table += self.lengths[chunk]
            # What cancellation leaves of an exact zero is lifted to zero, so that duplicates are duplicates.
            np.multiply(table, table > 4e-14 * lengths, out=squared[:, chunk])
        squared[np.arange(len(anchors)), anchors] = np.inf
        return squared

    def _part(self, chosen: np.ndarray | slice) -> np.ndarray | sparse.csr_matrix:
        return self.rows[chosen] if sparse.issparse(self.rows) else self.rows[chosen] - self.center


def _squared_lengths(rows: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    if isinstance(rows, np.ndarray):
        return np.einsum("ij,ij->i", rows, rows)
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()


def _score_block(rows: _Points, places: _Points, anchors: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Give the four scores (4, b) of some anchors."""
    far, wide = rows.squared_distances(anchors), places.squared_distances(anchors)
    lost = _ranks(far, _nearest(wide, k))
    scale = 2 / (k * (2 * rows.n - 3 * k - 1))
    trust = 1 - scale * np.maximum(lost - k, 0).sum(axis=1)
    continuity = 1 - scale * np.maximum(_ranks(wide, _nearest(far, k)) - k, 0).sum(axis=1)
    far[np.arange(len(anchors)), anchors] = wide[np.arange(len(anchors)), anchors] = 0
    a, b = others[..., 0], others[..., 1]
    order, shown = (
        np.sign(np.take_along_axis(table, a, 1) - np.take_along_axis(table, b, 1)).astype(int) for table in (far, wide)
    )
    known = (order != 0) & (a != anchors[:, None])
    triplets = ((order == shown) & known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.stack([trust, continuity, (lost <= k).mean(axis=1), np.where(known.any(axis=1), triplets, 1.0)])


def _nearest(squared: np.ndarray, k: int) -> np.ndarray:
    """Give the k nearest columns int64 (b, k) of each row of (b, n), ties by column."""
    n, columns = squared.shape[1], np.empty((len(squared), k), dtype=np.int64)
    whole = n - n % _GROUP if n >= 4 * k * _GROUP else 0
    for row, found in zip(squared, columns):
        # The k-th least of the groups' minima is no less than the k-th least of all.
        minima = np.concatenate([row[:whole].reshape(-1, _GROUP).min(axis=1, initial=np.inf), row[whole:]])
        near = np.flatnonzero(row <= np.partition(minima, k - 1)[k - 1])
        found[:] = near[np.argsort(row[near], kind="stable")[:k]]
    return columns


def _ranks(squared: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Give the rank (1 = nearest) of some columns (b, k) in each row of (b, n), int64."""
    ranks = np.empty(columns.shape, dtype=np.int64)
    for place, (row, mine) in enumerate(zip(squared, columns)):
        lengths = row[mine]
        nearer = row[row < lengths.max()]  # few, on a good map
        ranks[place] = [np.count_nonzero(nearer < length) + 1 for length in lengths]
    return ranks
