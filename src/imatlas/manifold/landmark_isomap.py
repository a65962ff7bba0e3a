"""Landmark Isomap: a map whose straight distances are the distances along the data.

Classical scaling lays out the landmarks from their geodesic distances D; every other row is placed by its distances delta to
the landmarks. With B = -1/2 J D^2 J = sum_m l_m v_m v_m^T

    landmarks   y_m = sqrt(l_m) v_m,       others   y_m = -1/2 v_m . (delta^2 - mean D^2) / sqrt(l_m)

With all rows as landmarks it is Isomap. A new row x reaches the landmarks through its nearest fitted rows,
delta_l(x) = min_j (d(x, j) + g(l, j)).

References: Tenenbaum, de Silva, Langford, "A global geometric framework for nonlinear dimensionality reduction", 2000;
de Silva, Tenenbaum, 2003.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from imatlas.manifold.base import GraphEmbedding, warn_of_components
from imatlas.manifold.components import side_by_side
from imatlas.manifold.geodesics import landmark_geodesics
from imatlas.values import Geodesics, KnnGraph, straight_lengths

__all__ = ["LandmarkIsomap"]


class LandmarkIsomap(GraphEmbedding):
    """Isomap from landmarks, with places for new rows.

    Parameters
    ----------
    n_components : coordinates per row.
    n_neighbors : neighbors in the graph; too many cut through folds, too few break the graph.
    n_landmarks : rows whose geodesics are measured, more than n_components; more are more exact, time grows in proportion.
    metric : "euclidean", "cosine" or "correlation".
    random_state : seed of the first landmark.

    Attributes
    ----------
    embedding_ : float32 (n, n_components), in units of the geodesic distance; components of the graph side by side.
    geodesics_ : the landmarks and their distances.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.linspace(0, 1, 50)[:, None] @ np.ones((1, 3))
    >>> places = LandmarkIsomap(n_components=1, n_neighbors=4).fit_transform(line)
    >>> round(float(np.ptp(places)), 3)  # the length of the line, the root of 3
    1.732
    """

    _learned = ("embedding_", "landmarks_", "lengths_", "parts_", "centers_", "projections_", "means_", "landmark_parts_")

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_neighbors: int = 15,
        n_landmarks: int = 128,
        metric: str = "euclidean",
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.n_landmarks = n_landmarks
        self.metric = metric
        self.random_state = random_state

    @property
    def geodesics_(self) -> Geodesics:
        """Landmark geodesics of the fitted graph."""
        return Geodesics(landmarks=self.landmarks_, distances=self.lengths_)

    def _embed(self, graph: KnnGraph) -> np.ndarray:
        self._check_components()
        if self.n_landmarks <= min(self.n_components, len(graph) - 1):
            raise ValueError(
                f"{self.n_landmarks} landmarks span no {self.n_components} coordinates; wanted more of them. "
                "Raise n_landmarks (128 is usual), or lower n_components."
            )
        warn_of_components(graph, type(self).__name__)
        geodesics = landmark_geodesics(graph, self.n_landmarks, self._seed())
        self.landmarks_, self.lengths_, self.parts_ = geodesics.landmarks, geodesics.distances, graph.components
        self.landmark_parts_ = self.parts_[self.landmarks_]
        self.projections_ = np.zeros((len(self.landmarks_), self.n_components))
        self.means_ = np.zeros(len(self.landmarks_))
        layouts, members = [], []
        for part in range(len(graph.component_sizes)):
            mine, rows = self.landmark_parts_ == part, np.flatnonzero(self.parts_ == part)
            squared = np.square(self.lengths_[mine].astype(np.float64))
            self.projections_[mine], self.means_[mine] = _scaling(squared[:, self.landmarks_[mine]], self.n_components)
            layouts.append(self._triangulate(squared, mine))
            layouts[-1] = layouts[-1][rows]
            members.append(rows)
        self.centers_ = np.array(side_by_side(layouts))
        coordinates = np.empty((len(graph), self.n_components))
        for rows, layout, center in zip(members, layouts, self.centers_):
            coordinates[rows] = layout + center
        return coordinates

    def _triangulate(self, squared: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """Place rows (b, q) by squared distances (m, b) to one component's landmarks."""
        near = np.where(np.isfinite(squared), squared, 0) - self.means_[mine][:, None]
        # A sum over landmarks in fixed order: the same bits whichever rows come together.
        places = np.zeros((squared.shape[1], self.n_components))
        for length, axis in zip(near, self.projections_[mine]):
            places -= 0.5 * length[:, None] * axis
        return places

    def _place(self, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        part = self.parts_[neighbors[:, 0]]
        places = np.zeros((len(neighbors), self.n_components))
        entries = straight_lengths(distances.astype(np.float64), self.metric_)
        for number in np.unique(part):
            chosen, mine = np.flatnonzero(part == number), self.landmark_parts_ == number
            lengths = np.full((int(mine.sum()), len(chosen)), np.inf)
            for column in range(neighbors.shape[1]):
                through = self.lengths_[mine][:, neighbors[chosen, column]] + entries[chosen, column]
                lengths = np.minimum(lengths, through)
            places[chosen] = self._triangulate(np.square(lengths), mine) + self.centers_[number]
        return places


def _scaling(squared: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Give v_m / sqrt(l_m) float64 (m, q) and the mean squared distances float64 (m,) of landmarks."""
    m = len(squared)
    squared = (squared + squared.T) / 2
    means = squared.mean(axis=0)
    inner = -0.5 * (squared - means[None] - means[:, None] + means.mean())
    with threadpool_limits(1):
        values, vectors = np.linalg.eigh(inner)
    kept = min(n_components, m)
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    largest = np.argmax(np.abs(vectors), axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(kept)] < 0, -1.0, 1.0)
    useful = values > 1e-9 * max(float(values[0]), 1e-300)
    axes = np.where(useful, vectors / np.sqrt(np.where(useful, values, 1)), 0)
    return np.pad(axes, ((0, 0), (0, n_components - kept))), means
