"""Neighbor search: who lies close to whom, under which distance, and how sure that is.

`knn_graph` links every row of a set to its nearest others, exactly up to a stated cost; above it, what is missed is measured.
`search` finds the nearest old rows of new ones exactly; a `NeighborIndex` answers many such questions, and large sets fast.
"""

from imatlas.neighbors.graph import knn_graph
from imatlas.neighbors.index import NeighborIndex
from imatlas.neighbors.metrics import METRICS
from imatlas.neighbors.search import search

__all__ = ["METRICS", "NeighborIndex", "knn_graph", "search"]
