"""The scorer of benchmarks/manifold.py: one for all libraries, in NumPy and SciPy, with nothing of imatlas in it.

Ranks and distances are exact, from 2,000 sampled rows to all rows; products in float64, which pixels pass through exactly.
What the scores mean stands at each function.
"""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

N_ANCHORS = 2000
TIE = 1e-6
"""Distances that differ by less than this share of themselves are one distance."""


def graph_scores(rows: np.ndarray, indices: np.ndarray) -> dict[str, float]:
    """Score neighbors (n, k): recall at k over sampled rows, and the row at the first percentile.

    A neighbor counts if it is no farther than the true k-th, ties within 1e-6; a row itself or a repetition never counts.
    """
    k, recalls = indices.shape[1], []
    for anchors, squared in _distances(rows):
        np.put_along_axis(squared, anchors[:, None], np.inf, 1)
        farthest = np.partition(squared, k - 1, axis=1)[:, k - 1]
        for row, anchor, most in zip(squared, anchors, farthest):
            found = np.unique(indices[anchor])
            found = found[(found >= 0) & (found != anchor)]
            recalls.append(np.count_nonzero(row[found] <= most * (1 + TIE) ** 2) / k)
    return {"recall": float(np.mean(recalls)), "recall_first_percentile": float(np.quantile(recalls, 0.01))}


def map_scores(rows: np.ndarray, places: np.ndarray, labels: np.ndarray, k: int = 15) -> dict[str, float]:
    """Score a map.

    trustworthiness and neighbor_recall at 15, over sampled rows (Venna, Kaski 2001); label_accuracy, the share of all rows
    whose label is the commonest among their 10 map neighbors (ties to the least label); random_triplets, the share of 5
    random triplets per row whose nearer row is the same on the map; centroid_triplets, the same over all triplets of the
    labels' mean rows (Wang et al. 2021).
    """
    n, trust, recall = len(rows), [], []
    for (anchors, far), (_, wide) in zip(_distances(rows), _distances(places)):
        for squared in (far, wide):
            np.put_along_axis(squared, anchors[:, None], np.inf, 1)
        for high, low in zip(far, wide):
            near = np.argpartition(low, k - 1)[:k]
            ranks = np.searchsorted(np.sort(high), high[near]) + 1
            trust.append(np.maximum(ranks - k, 0).sum())
            recall.append(np.count_nonzero(ranks <= k) / k)
    scale = 2 / (k * (2 * n - 3 * k - 1))
    return {
        "trustworthiness": 1 - scale * float(np.mean(trust)),
        "neighbor_recall": float(np.mean(recall)),
        "label_accuracy": _label_accuracy(places, labels),
        "random_triplets": _random_triplets(rows, places),
        "centroid_triplets": _centroid_triplets(rows, places, labels),
    }


def cluster_scores(labels: np.ndarray, found: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Score clusters, -1 for noise, against labels.

    ari, ami: over all rows, noise as one class; ari_assigned, ami_assigned: noise given to the nearest mean of a cluster;
    ari_clustered, ami_clustered: over the rows that are in a cluster, whose share is coverage.
    """
    clustered = found >= 0
    assigned = found.copy()
    if clustered.any() and not clustered.all():
        numbers, noise = np.unique(found[clustered]), rows[~clustered]
        means = np.stack([rows[found == number].mean(axis=0) for number in numbers])
        assigned[~clustered] = numbers[(np.square(means).sum(axis=1) - 2 * noise @ means.T).argmin(axis=1)]
    scores = {"clusters": len(np.unique(found[clustered])), "coverage": float(clustered.mean())}
    for name, these, chosen in (
        ("", found, slice(None)),
        ("_assigned", assigned, slice(None)),
        ("_clustered", found, clustered),
    ):
        scores[f"ari{name}"] = float(adjusted_rand_score(labels[chosen], these[chosen]))
        scores[f"ami{name}"] = float(adjusted_mutual_info_score(labels[chosen], these[chosen]))
    return scores


def matched_accuracy(labels: np.ndarray, found: np.ndarray) -> float:
    """Give the share of rows whose cluster is matched to their label by the best one-to-one matching."""
    table = np.zeros((labels.max() + 1, found.max() + 1), dtype=np.int64)
    np.add.at(table, (labels, found), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(labels))


def _distances(rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield sampled rows, some at a time, and their squared distances float64 (b, n) to all rows."""
    n = len(rows)
    points = rows - rows[: 10 * N_ANCHORS].mean(axis=0).round() if rows.shape[1] > 8 else rows
    points = points.astype(np.float64)
    lengths = np.square(points).sum(axis=1)
    anchors = np.sort(np.random.default_rng(7).choice(n, size=min(N_ANCHORS, n), replace=False))
    step = max(1, 2**24 // n)
    for start in range(0, len(anchors), step):
        block = anchors[start : start + step]
        if rows.shape[1] <= 8:
            yield block, np.square(points[block, None, :] - points[None]).sum(axis=2)
        else:
            yield block, np.maximum(lengths[block, None] + lengths[None] - 2 * points[block] @ points.T, 0)


def _label_accuracy(places: np.ndarray, labels: np.ndarray, k: int = 10) -> float:
    _, near = cKDTree(places).query(places, k + 1)
    own = near == np.arange(len(places))[:, None]
    own[:, -1] |= ~own.any(axis=1)  # among many equal places a row may not find itself
    votes = labels[near[~own].reshape(len(places), k)]
    counts = np.stack([(votes == label).sum(axis=1) for label in range(labels.max() + 1)], axis=1)
    return float((counts.argmax(axis=1) == labels).mean())


def _random_triplets(rows: np.ndarray, places: np.ndarray, per_row: int = 5) -> float:
    rng, n, agreed = np.random.default_rng(11), len(rows), 0
    for start in range(0, n, 2000):
        own = np.arange(start, min(start + 2000, n))[:, None]
        others = rng.integers(0, n, size=(2, len(own), per_row))
        nearer = []
        for points in (rows, places):
            far = [np.square((points[own] - points[other]).astype(np.float64)).sum(axis=2) for other in others]
            nearer.append(far[0] < far[1])
        agreed += np.count_nonzero(nearer[0] == nearer[1])
    return agreed / (n * per_row)


def _centroid_triplets(rows: np.ndarray, places: np.ndarray, labels: np.ndarray) -> float:
    nearer = []
    for points in (rows, places):
        means = np.stack([points[labels == label].mean(axis=0, dtype=np.float64) for label in np.unique(labels)])
        far = np.square(means[:, None] - means[None]).sum(axis=2)
        nearer.append(far[:, :, None] < far[:, None, :])
    m = len(means)
    i, a, b = np.indices((m, m, m))
    return float((nearer[0] == nearer[1])[(i != a) & (i != b) & (a < b)].mean())
