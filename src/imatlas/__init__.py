"""imatlas learns the manifold that a set of images lies on and uses it to generate new images.

In three lines: ``images = imatlas.read_images("photos/")``; ``manifold = imatlas.fit_manifold(images)``;
``pixels = imatlas.train(images, manifold, seconds=600).sample(range(64)).pixels``. Names are loaded when first asked
for, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imatlas.evaluation import evaluate_trial
    from imatlas.generators import Flow, LatentFlow, Vae
    from imatlas.geometry import (
        estimate_density,
        estimate_dimension,
        hubs,
        near_duplicates,
        outlier_scores,
        tangent_residuals,
        tangent_spaces,
    )
    from imatlas.images import digits, read_images
    from imatlas.manifold import (
        AnyMap,
        BalancedClusters,
        DensityClusters,
        DiffusionMap,
        LandmarkIsomap,
        ManifoldNeighbors,
        NeighborMap,
        SpectralClusters,
        SpectralMap,
        TangentAlignment,
        manifold_distance,
        manifold_similarity,
        map_trust,
    )
    from imatlas.neighbors import knn_graph
    from imatlas.recipes import (
        MapWishes,
        Model,
        Terms,
        compare_judgements,
        evaluate,
        evaluate_all,
        export_from,
        export_model,
        fit_manifold,
        forecast,
        load_model,
        map_rows,
        morph,
        train,
    )
    from imatlas.store import open_atlas

__version__ = "0.1.0"

_HOMES = {
    "read_images": "imatlas.images",
    "digits": "imatlas.images",
    "knn_graph": "imatlas.neighbors",
    "estimate_density": "imatlas.geometry",
    "estimate_dimension": "imatlas.geometry",
    "hubs": "imatlas.geometry",
    "near_duplicates": "imatlas.geometry",
    "outlier_scores": "imatlas.geometry",
    "tangent_residuals": "imatlas.geometry",
    "tangent_spaces": "imatlas.geometry",
    "manifold_distance": "imatlas.manifold",
    "manifold_similarity": "imatlas.manifold",
    "ManifoldNeighbors": "imatlas.manifold",
    "SpectralMap": "imatlas.manifold",
    "DiffusionMap": "imatlas.manifold",
    "TangentAlignment": "imatlas.manifold",
    "AnyMap": "imatlas.manifold",
    "LandmarkIsomap": "imatlas.manifold",
    "NeighborMap": "imatlas.manifold",
    "SpectralClusters": "imatlas.manifold",
    "BalancedClusters": "imatlas.manifold",
    "DensityClusters": "imatlas.manifold",
    "map_trust": "imatlas.manifold",
    "fit_manifold": "imatlas.recipes",
    "forecast": "imatlas.recipes",
    "map_rows": "imatlas.recipes",
    "MapWishes": "imatlas.recipes",
    "Vae": "imatlas.generators",
    "Flow": "imatlas.generators",
    "LatentFlow": "imatlas.generators",
    "train": "imatlas.recipes",
    "Model": "imatlas.recipes",
    "load_model": "imatlas.recipes",
    "export_model": "imatlas.recipes",
    "export_from": "imatlas.recipes",
    "morph": "imatlas.recipes",
    "evaluate": "imatlas.recipes",
    "evaluate_all": "imatlas.recipes",
    "Terms": "imatlas.recipes",
    "compare_judgements": "imatlas.recipes",
    "evaluate_trial": "imatlas.evaluation",
    "open_atlas": "imatlas.store",
}

__all__ = [
    "AnyMap",
    "BalancedClusters",
    "DensityClusters",
    "DiffusionMap",
    "Flow",
    "LandmarkIsomap",
    "LatentFlow",
    "ManifoldNeighbors",
    "MapWishes",
    "Model",
    "NeighborMap",
    "SpectralClusters",
    "SpectralMap",
    "TangentAlignment",
    "Terms",
    "Vae",
    "__version__",
    "compare_judgements",
    "digits",
    "estimate_density",
    "estimate_dimension",
    "evaluate",
    "evaluate_all",
    "evaluate_trial",
    "export_from",
    "export_model",
    "fit_manifold",
    "forecast",
    "hubs",
    "knn_graph",
    "load_model",
    "manifold_distance",
    "manifold_similarity",
    "map_rows",
    "map_trust",
    "morph",
    "near_duplicates",
    "open_atlas",
    "outlier_scores",
    "read_images",
    "tangent_residuals",
    "tangent_spaces",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"imatlas has no {name!r}; see imatlas.__all__ for what is public.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
