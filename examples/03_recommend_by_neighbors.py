"""Whose neighbors recommend better: plain cosine's, or those along the data?

Films are rows of who rated them. Of each user with 5 ratings or more, the last is the test; the one before it chooses, for
each distance, how much to shrink films with few ratings and to lift popular ones (9 trials each). Films with fewer than 3
ratings are not recommended. Usage: python examples/03_recommend_by_neighbors.py DATA/movietweetings-100k
"""

import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from imatlas import ManifoldNeighbors, knn_graph

lines = (Path(sys.argv[1]) / "ratings.dat").read_text(encoding="utf-8").split()
ratings = np.array([line.split("::") for line in lines], dtype=np.int64)  # user, film, rating, time
ratings = ratings[np.lexsort((ratings[:, 3], ratings[:, 0]))]
users, films = (np.unique(ratings[:, column], return_inverse=True)[1] for column in (0, 1))
judged = np.flatnonzero(np.bincount(users) >= 5)
last = np.searchsorted(users, judged, side="right") - 1
kept = (~np.isin(np.arange(len(users)), left_out) for left_out in (last, np.append(last - 1, last)))
seen, chooser = (sparse.csr_matrix((keep * 1.0, (users, films))) for keep in kept)  # (users, films)


def film_similarity(seen: sparse.csr_matrix, metric: str, shrink: float) -> sparse.csr_matrix:
    """A column of its own for each film lowers the cosine of films with few ratings, as `shrink` further ratings would."""
    pick = sparse.identity(seen.shape[1], format="csr")[np.flatnonzero(seen.sum(axis=0) >= 3)]
    rows = sparse.hstack([pick @ seen.T, np.sqrt(shrink) * sparse.identity(pick.shape[0])]).tocsr()
    neighbors = ManifoldNeighbors(30, metric=metric).fit(rows, graph=knn_graph(rows, n_neighbors=30, metric="cosine"))
    alike = neighbors.kneighbors_graph(n_neighbors=100, mode="similarity")
    return pick.T @ alike.maximum(alike.T) @ pick


def judge(seen: sparse.csr_matrix, similarity: sparse.csr_matrix | None, lift: float, wanted: np.ndarray) -> np.ndarray:
    """Recall@10 and NDCG@10 of each judged user (2, users), ties counted against; without similarity, of popularity alone."""
    popular, ranks = np.asarray(seen.sum(axis=0)).ravel(), []
    for block in np.array_split(np.arange(len(judged)), 10):
        own = seen[judged[block]]
        scores = np.tile(popular, (len(block), 1)) if similarity is None else (own @ similarity).toarray() * popular**lift
        scores[own.nonzero()] = -1
        ranks.append((scores >= scores[np.arange(len(block)), wanted[block]][:, None]).sum(axis=1))
    rank = np.concatenate(ranks)
    return (rank <= 10) * np.stack([np.ones(len(rank)), 1 / np.log2(rank + 1)])


results = {"popularity": judge(seen, None, 0, films[last])}
results["plain cosine"] = judge(seen, film_similarity(seen, "cosine", 0), 0, films[last])
for metric in ("cosine", "geodesic", "diffusion"):
    alike = {shrink: film_similarity(chooser, metric, shrink) for shrink in (0, 5, 20)}
    trials = [(judge(chooser, alike[s], lift, films[last - 1])[0].mean(), s, lift) for s in alike for lift in (0, 0.25, 0.5)]
    _, shrink, lift = max(trials)
    results[f"{metric}, shrink {shrink}, lift {lift}"] = judge(seen, film_similarity(seen, metric, shrink), lift, films[last])
draws = np.random.default_rng(0).integers(len(judged), size=(1000, len(judged)))
for name, scores in results.items():
    low, high = np.quantile((scores - results["plain cosine"])[0][draws].mean(axis=1), [0.025, 0.975])
    print(f"{name}: recall@10 {scores[0].mean():.4f} ({low:+.4f} to {high:+.4f} beside plain), NDCG@10 {scores[1].mean():.4f}")
