"""Joining the parts of a broken graph, only when asked, and marked.

The shortest pair of rows between two components becomes a bridge; bridges are taken as a minimum spanning tree takes edges,
until one component is left. They are stored apart from the neighbors, with their lengths, so that nobody takes them for data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imatlas.checks import InputError
from imatlas.neighbors import search
from imatlas.values import KnnGraph

__all__ = ["join_components"]


def join_components(graph: KnnGraph, X: np.ndarray, *, n_parts: int = 1) -> KnnGraph:
    """Add the fewest, shortest bridges that join the components of a graph.

    Parameters
    ----------
    graph : neighbor graph.
    X : (n, d) features it was made of; distances are measured in the graph's metric.

    n_parts : components to leave. While there are more, the one with fewest rows is joined to the one nearest to it.

    Returns
    -------
    KnnGraph with `bridges` and `bridge_lengths`; the graph itself if it has no more components than wanted.

    Raises
    ------
    InputError
        If X has other rows than the graph, or n_parts is below 1.
    """
    if n_parts < 1:
        raise InputError(f"n_parts is {n_parts}; wanted at least 1, which joins all. Raise it.")
    if X.shape[0] != len(graph):
        raise InputError(f"X has {X.shape[0]} rows, the graph {len(graph)}; give the rows the graph was made of.")
    if len(graph.component_sizes) <= n_parts:
        return graph
    parts = graph
    while len(graph.component_sizes) > 1:
        bridges, lengths = _shortest_exits(graph, X)
        graph = replace(
            graph,
            bridges=np.concatenate([graph.bridges, bridges]),
            bridge_lengths=np.concatenate([graph.bridge_lengths, lengths]),
        )
    if n_parts == 1:
        return graph
    kept = _bridges_of_small_parts(parts, graph, n_parts)
    return replace(graph, bridges=graph.bridges[kept], bridge_lengths=graph.bridge_lengths[kept])


def _shortest_exits(graph: KnnGraph, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find each smaller component's shortest way out: one round of Boruvka's tree, without double edges."""
    labels, exits = graph.components, {}
    for part in range(1, labels.max() + 1):
        inside, outside = np.flatnonzero(labels == part), np.flatnonzero(labels != part)
        near, lengths = search(X[inside], X[outside], 1, graph.metric)
        best = int(np.argmin(lengths[:, 0]))
        pair = (int(inside[best]), int(outside[near[best, 0]]))
        exits[part] = (float(lengths[best, 0]), min(pair), max(pair))
    # Ties between equal lengths could close a ring; taking edges one by one as Kruskal does leaves none.
    home = np.arange(labels.max() + 1)
    chosen = []
    for length, a, b in sorted(exits.values()):
        if home[labels[a]] != home[labels[b]]:
            home[home == home[labels[a]]] = home[labels[b]]
            chosen.append((length, a, b))
    bridges = np.array([(a, b) for _, a, b in chosen], dtype=np.int64)
    return bridges, np.array([length for length, _, _ in chosen], dtype=np.float32)


def _bridges_of_small_parts(parts: KnnGraph, joined: KnnGraph, n_parts: int) -> np.ndarray:
    """Choose bridges of the whole tree, each time the shortest from the part that has fewest rows.

    The shortest way out of any union of parts is in the minimum spanning tree, so no other bridge is needed.
    """
    home, sizes = parts.components[joined.bridges], parts.component_sizes.astype(np.float64)
    group = np.arange(len(sizes))
    kept = np.arange(len(joined.bridges)) < len(parts.bridges)
    for _ in range(len(sizes) - n_parts):
        smallest = int(np.argmin(sizes))
        ends = group[home]
        leaving = ((ends == smallest).sum(axis=1) == 1) & ~kept
        chosen = int(np.argmin(np.where(leaving, joined.bridge_lengths, np.inf)))
        kept[chosen] = True
        other = int(ends[chosen].sum() - smallest)
        sizes[other] += sizes[smallest]
        sizes[smallest] = np.inf
        group[group == smallest] = other
    return kept
