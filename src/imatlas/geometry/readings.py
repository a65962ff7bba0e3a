"""What every reading of a graph begins with: lengths, sizes of components, and enough neighbors."""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.values import KnnGraph

__all__ = ["crowd_sizes", "require_neighbors"]


def crowd_sizes(graph: KnnGraph) -> np.ndarray:
    """Give for each row the rows in its component, int64 (n,); bridges are no neighbors and do not join."""
    links = KnnGraph(graph.indices, graph.distances, graph.metric) if len(graph.bridges) else graph
    return links.component_sizes[links.components]


def require_neighbors(n_neighbors: int, least: int, purpose: str) -> None:
    """Refuse too few neighbors per row.

    Raises
    ------
    InputError
        If there are fewer than `least`.
    """
    if n_neighbors < least:
        raise InputError(
            f"There are {n_neighbors} neighbor(s) per row; {purpose} needs at least {least}. Make a graph of more neighbors, "
            f"best 15 (that takes more than {least} rows), and use them."
        )
