"""How far a map can be trusted: exact ranks of sampled rows, with intervals.

For an anchor i let r(i, j) be the rank of j by distance among the features and s(i, j) among the map places. With k neighbors

    trustworthiness   1 - 2 / (n k (2n - 3k - 1)) sum_i sum_{j near i on the map} max(0, r(i, j) - k)
    continuity        the same with features and map exchanged
    neighbor recall   share of the k feature neighbors that are among the k map neighbors
    triplets          share of random triplets (i, a, b) whose nearer row is the same in both

The sums run over a random sample of anchors, which leaves the means unbiased; the half-width of the 95 % interval is given
beside each as `<name>_error`. Trustworthiness alone rewards keeping noise; the triplets judge the map at large.

References: Venna, Kaski, "Neighborhood preservation in nonlinear projection methods", 2001; Wang et al., "Understanding how
dimension reduction tools work", 2021, arXiv 2012.04456 (random triplets).
"""

from __future__ import annotations

import numpy as np
import torch

from imatlas.checks import InputError, require_matrix

__all__ = ["map_trust"]

_TRIPLETS = 50


def map_trust(X: np.ndarray, coordinates: np.ndarray, *, k: int = 15, n_anchors: int = 1000, seed: int = 0) -> dict[str, float]:
    """Score how well a map keeps neighbors and arrangement.

    Parameters
    ----------
    X : (n, d) features, n >= 4.
    coordinates : (n, q) places of the same rows on any map.
    k : neighbors, below n / 2; lowered to that if above.
    n_anchors : rows sampled; intervals narrow with its root, time grows with it.
    seed : of anchors and triplets.

    Returns
    -------
    dict with "trustworthiness", "continuity", "neighbor_recall" and "random_triplet_accuracy", each in [0, 1], and for each
    "<name>_error", the half-width of its 95 % interval (0 when every row is an anchor; triplets are always sampled).

    Raises
    ------
    InputError
        If there are fewer than 4 rows or the two matrices have different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> map_trust(X, 3 * X)["trustworthiness"]
    1.0
    """
    rows, places = require_matrix(X, "X"), require_matrix(coordinates, "coordinates")
    n = len(rows)
    if len(places) != n or n < 4:
        raise InputError(f"Trust was asked of {n} rows and {len(places)} places; wanted one place per row, 4 rows or more.")
    k = int(min(k, (n - 1) // 2))
    rng = np.random.default_rng(seed)
    anchors = np.sort(rng.choice(n, size=min(n_anchors, n), replace=False))
    others = rng.integers(0, n, size=(len(anchors), _TRIPLETS, 2))
    scores = np.empty((4, len(anchors)))
    step = max(1, 2**24 // n)
    for start in range(0, len(anchors), step):
        block = slice(start, start + step)
        scores[:, block] = _score_block(rows, places, anchors[block], others[block], k)
    names = ("trustworthiness", "continuity", "neighbor_recall", "random_triplet_accuracy")
    trust = dict(zip(names, (float(mean) for mean in scores.mean(axis=1))))
    # Rows drawn without repetition: the error vanishes when all are drawn.
    left = np.sqrt(np.array([1 - len(anchors) / n] * 3 + [1.0]))
    errors = 1.96 * scores.std(axis=1) / np.sqrt(len(anchors)) * left
    return trust | {f"{name}_error": float(error) for name, error in zip(names, errors)}


def _score_block(rows: np.ndarray, places: np.ndarray, anchors: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Give the four scores (4, b) of some anchors."""
    n = len(rows)
    far, wide = _squared_distances(rows, anchors), _squared_distances(places, anchors)
    near_rows, near_places = _nearest(far, k), _nearest(wide, k)
    scale = 2 / (k * (2 * n - 3 * k - 1))
    trust = 1 - scale * torch.clamp(_ranks(far, near_places) - k, min=0).sum(1)
    continuity = 1 - scale * torch.clamp(_ranks(wide, near_rows) - k, min=0).sum(1)
    recall = (near_rows[:, :, None] == near_places[:, None, :]).any(2).double().mean(1)
    far.scatter_(1, torch.from_numpy(anchors)[:, None], 0)
    wide.scatter_(1, torch.from_numpy(anchors)[:, None], 0)
    a, b = torch.from_numpy(others[..., 0]), torch.from_numpy(others[..., 1])
    order = torch.sign(far.gather(1, a) - far.gather(1, b))
    agreed = (order == torch.sign(wide.gather(1, a) - wide.gather(1, b))).double()
    known = ((order != 0) & (a != torch.from_numpy(anchors)[:, None])).double()
    triplets = (agreed * known).sum(1) / known.sum(1).clamp(min=1)
    return torch.stack([trust, continuity, recall, torch.where(known.sum(1) > 0, triplets, 1.0)]).numpy()


def _squared_distances(points: np.ndarray, anchors: np.ndarray) -> torch.Tensor:
    """Give squared distances float32 (b, n) from some rows to all, infinite to themselves."""
    center = points.mean(axis=0, dtype=np.float64)
    centred = torch.from_numpy((points - center).astype(np.float32))
    if points.shape[1] <= 4:
        squared = torch.zeros(len(anchors), len(points))
        for axis in range(points.shape[1]):
            squared += (centred[anchors, None, axis] - centred[None, :, axis]).square()
    else:
        lengths = centred.square().sum(1)
        squared = lengths[anchors, None] + lengths[None] - 2 * centred[anchors] @ centred.T
        squared.clamp_(min=0)
    squared[torch.arange(len(anchors)), torch.from_numpy(anchors)] = torch.inf
    return squared


def _nearest(squared: torch.Tensor, k: int) -> torch.Tensor:
    """Give the k nearest columns of each row (b, k)."""
    return squared.topk(k, dim=1, largest=False).indices


def _ranks(squared: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Give the rank (1 = nearest) of some columns (b, k) in each row of (b, n), float64."""
    table, lengths = squared.numpy(), squared.gather(1, columns).numpy()
    ranks = [[np.count_nonzero(row < length) + 1 for length in mine] for row, mine in zip(table, lengths)]
    return torch.tensor(ranks, dtype=torch.float64)
