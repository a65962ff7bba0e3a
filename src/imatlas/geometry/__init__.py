"""The shape of the manifold around each row, read from its neighbor graph: dimension, density, tangent spaces."""

from imatlas.geometry.density import estimate_density
from imatlas.geometry.dimension import estimate_dimension
from imatlas.geometry.tangent import TangentSpaces, tangent_spaces

__all__ = ["TangentSpaces", "estimate_density", "estimate_dimension", "tangent_spaces"]
