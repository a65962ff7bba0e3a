"""The manifold room: distances, neighbors, maps and clusters of rows, for any features.

Everything starts from one `KnnGraph`; every estimator takes features or that graph, places new rows, and packs itself into
plain settings and arrays. `embedding_value()` and `clusters_value()` give the values other rooms take.
"""

from imatlas.manifold.any_map import AnyMap
from imatlas.manifold.balanced_clusters import BalancedClusters
from imatlas.manifold.bridges import join_components
from imatlas.manifold.density_clusters import DensityClusters
from imatlas.manifold.diffusion_map import DiffusionMap
from imatlas.manifold.distance import manifold_distance, manifold_similarity
from imatlas.manifold.geodesic_oracle import GeodesicOracle, geodesic_path
from imatlas.manifold.geodesics import landmark_geodesics
from imatlas.manifold.landmark_isomap import LandmarkIsomap
from imatlas.manifold.manifold_neighbors import ManifoldNeighbors
from imatlas.manifold.neighbor_map import NeighborMap
from imatlas.manifold.spectral_clusters import SpectralClusters
from imatlas.manifold.spectral_map import SpectralMap
from imatlas.manifold.tangent_alignment import TangentAlignment
from imatlas.manifold.trust import map_trust

__all__ = [
    "CLUSTERINGS",
    "EMBEDDINGS",
    "AnyMap",
    "BalancedClusters",
    "DensityClusters",
    "DiffusionMap",
    "GeodesicOracle",
    "LandmarkIsomap",
    "ManifoldNeighbors",
    "NeighborMap",
    "SpectralClusters",
    "SpectralMap",
    "TangentAlignment",
    "geodesic_path",
    "join_components",
    "landmark_geodesics",
    "manifold_distance",
    "manifold_similarity",
    "map_trust",
]

EMBEDDINGS = {
    "neighbor_map": NeighborMap,
    "spectral_map": SpectralMap,
    "diffusion_map": DiffusionMap,
    "landmark_isomap": LandmarkIsomap,
    "tangent_alignment": TangentAlignment,
}
"""Maps by name."""

CLUSTERINGS = {
    "balanced_clusters": BalancedClusters,
    "density_clusters": DensityClusters,
    "spectral_clusters": SpectralClusters,
}
"""Clusterings by name."""
