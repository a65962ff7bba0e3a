"""The shape of the manifold around each row, read from its neighbor graph: dimension, density, tangent spaces, odd rows."""

from imatlas.geometry.density import estimate_density
from imatlas.geometry.dimension import estimate_dimension
from imatlas.geometry.duplicates import NearDuplicates, near_duplicates
from imatlas.geometry.hubness import Hubs, hubs
from imatlas.geometry.outliers import outlier_scores
from imatlas.geometry.tangent import TangentSpaces, plane_residuals, tangent_residuals, tangent_spaces

__all__ = [
    "Hubs",
    "NearDuplicates",
    "TangentSpaces",
    "estimate_density",
    "estimate_dimension",
    "hubs",
    "near_duplicates",
    "outlier_scores",
    "plane_residuals",
    "tangent_residuals",
    "tangent_spaces",
]
