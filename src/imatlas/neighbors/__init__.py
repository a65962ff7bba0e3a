"""Neighbor search: who lies close to whom, under which distance, and how sure that is.

`knn_graph` links every row of a set to its nearest others; `search` finds the nearest old rows of new ones. Both are exact up
to a stated cost, and above it measure what they miss.
"""

from imatlas.neighbors.graph import knn_graph
from imatlas.neighbors.metrics import METRICS
from imatlas.neighbors.search import search

__all__ = ["METRICS", "knn_graph", "search"]
