"""Diffusion map: coordinates whose straight distances say how differently heat spreads from two rows.

    y_i = (lambda_1^t psi_1(i), ..., lambda_q^t psi_q(i)),     lambda_m = exp(-l_m)

with the modes psi_m and rates l_m of `imatlas.manifold.diffusion`. Time t is a scale: what is closer than heat gets in t falls
together. Left alone, t is the half-life of the slowest mode, so that the map depends on the shape of the data and not on the
number of rows. A new row x is placed by the modes' own equation (Nystrom), with its weights normalised as those in training:

    (sum_j w_xj (psi(x) - psi(j))) / mu_x = l psi(x)   =>   psi(x) = sum_j w_xj psi(j) / (sum_j w_xj - l mu_x)

References: Coifman, Lafon, "Diffusion maps", 2006; Bengio et al., "Out-of-sample extensions for LLE, Isomap, MDS, eigenmaps,
and spectral clustering", 2004.
"""

from __future__ import annotations

import numpy as np

from imatlas.manifold.base import GraphEmbedding, warn_of_components
from imatlas.manifold.components import side_by_side
from imatlas.manifold.diffusion import KERNEL_WIDTH, Kernel, half_life, start_diffusion
from imatlas.manifold.spectral import scales_of_new
from imatlas.values import KnnGraph, straight_lengths

__all__ = ["DiffusionMap"]

_LEAST_SHARE = 0.2  # of its leaving rate that a new row keeps when extended: below it the extension would magnify noise


class DiffusionMap(GraphEmbedding):
    """Diffusion map of a neighbor graph, with places for new rows.

    Parameters
    ----------
    n_components : coordinates per row.
    n_neighbors : neighbors in the graph; more smooths. Lowered to n - 1 with a warning.
    alpha : how much of the density of rows is taken out, from 0 to 1: 1 shows the shape alone, 0 also draws dense regions
        together.
    t : time heat spreads, in mean jumps of a walk on the rows; 0 shows the bare modes. None = the half-life of the slowest.
    metric : "euclidean", "cosine" or "correlation".
    random_state : seed of the inverted-list search of large sets.

    Attributes
    ----------
    embedding_ : float32 (n, n_components); components of the graph, sized by the root of their share of rows, side by side.
    eigenvalues_ : float64 (n_parts, n_components), lambda, falling, in [0, 1).
    t_ : the time used.

    Examples
    --------
    >>> import numpy as np
    >>> turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    >>> places = DiffusionMap(n_neighbors=4).fit_transform(np.stack([np.cos(turn), np.sin(turn)], axis=1))
    >>> radii = np.sqrt(np.square(places).sum(axis=1))  # a circle is a circle
    >>> bool(np.ptp(radii) < 1e-3 * radii.mean())
    True
    """

    _learned = (
        "embedding_",
        "eigenvalues_",
        "rates_",
        "t_",
        "centers_",
        "parts_",
        "units_",
        "factors_",
        "scales_",
        "dimension_",
        "density_unit_",
        "scale_unit_",
    )

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_neighbors: int = 15,
        alpha: float = 1.0,
        t: float | None = None,
        metric: str = "euclidean",
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.t = t
        self.metric = metric
        self.random_state = random_state

    def _embed(self, graph: KnnGraph) -> np.ndarray:
        self._check_components()
        self._check_spread()
        warn_of_components(graph, type(self).__name__)
        diffusion, sizes = start_diffusion(graph, self.alpha), graph.component_sizes
        self.parts_, self.scales_, self.factors_ = graph.components, diffusion.scales, diffusion.factors
        kernel = diffusion.kernel
        self.dimension_, self.density_unit_, self.scale_unit_ = kernel.dimension, kernel.density, kernel.scale
        members = [np.flatnonzero(self.parts_ == part) for part in range(len(sizes))]
        self.units_ = np.array([diffusion.jump_rate(rows) for rows in members])
        found = [diffusion.modes(rows, self.n_components) for rows in members]
        self.t_ = half_life(found[0][0]) if self.t is None else float(self.t)
        self.rates_ = np.array([rates for rates, _ in found])
        self.eigenvalues_ = np.exp(-self.rates_)
        layouts = [psi * np.exp(-rates * self.t_) * np.sqrt(len(psi) / sizes[0]) for rates, psi in found]
        self.centers_ = np.array(side_by_side(layouts))
        coordinates = np.empty((len(graph), self.n_components))
        for rows, layout, center in zip(members, layouts, self.centers_):
            coordinates[rows] = layout + center
        return coordinates

    def _place(self, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        lengths = straight_lengths(distances, self.metric_).astype(np.float64)
        scales = scales_of_new(lengths, self.scales_)
        squared = np.square(lengths) / (KERNEL_WIDTH * scales[:, None] * self.scales_[neighbors])
        # A row off the data, further than one scale from all rows, is weighed as if it lay at their edge.
        squared -= np.maximum(squared[:, :1] - 1, 0)
        part = self.parts_[neighbors[:, 0]]
        affinity = np.exp(-np.clip(squared, 0, 30)) * (self.parts_[neighbors] == part[:, None])
        kernel = Kernel(self.dimension_, self.density_unit_, self.scale_unit_, self.alpha)
        factors, masses = kernel.factors(affinity.sum(axis=1), scales)
        weights = affinity * factors[:, None] * self.factors_[neighbors]
        leaving = weights.sum(axis=1)[:, None]
        centers = self.centers_[part]
        pull = (weights[:, :, None] * (self.embedding_[neighbors] - centers[:, None])).sum(axis=1)
        kept = leaving - self.rates_[part] * (self.units_[part] * masses)[:, None]
        return centers + pull / np.maximum(kept, _LEAST_SHARE * leaving)

    def _check_spread(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha is {self.alpha!r}; wanted 0 to 1. 1 takes the density of rows out.")
        if self.t is not None and not 0 <= self.t < np.inf:
            raise ValueError(f"t is {self.t!r}; wanted 0 or more, or None for the half-life of the slowest mode.")
