"""The nouns that flow between rooms: frozen, checked once at birth, every shape written here.

Rooms never import one another; they exchange these values. Arrays are NumPy (torch stays inside rooms) and row i means
the same image in every value that was made from the same image set.
"""

from imatlas.values.generated import AS_TRAINED, Codes, Dials, Example, Field, Samples
from imatlas.values.graphs import Features, KnnGraph, straight_lengths
from imatlas.values.images import ImageSet, Rejected
from imatlas.values.judged import Score, Trial
from imatlas.values.manifolds import OFF_THE_MAP, Clusters, Dimension, Embedding, Geodesics, Grouping, Manifold
from imatlas.values.matrices import FeatureMatrix

__all__ = [
    "AS_TRAINED",
    "OFF_THE_MAP",
    "Clusters",
    "Codes",
    "Dials",
    "Dimension",
    "Embedding",
    "Example",
    "FeatureMatrix",
    "Features",
    "Field",
    "Geodesics",
    "Grouping",
    "ImageSet",
    "KnnGraph",
    "Manifold",
    "Rejected",
    "Samples",
    "Score",
    "Trial",
    "straight_lengths",
]
