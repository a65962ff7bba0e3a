"""Rows of numbers that need not come from images: texts, items, measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from imatlas.checks import require_rows

__all__ = ["FeatureMatrix"]


@dataclass(frozen=True)
class FeatureMatrix:
    """A feature matrix with the names and labels of its rows.

    Parameters
    ----------
    rows : float32 (n, d), dense (may be a memory map) or CSR, finite; `imatlas.images.read_matrix` checks that.
    ids : (n,) str, a name for each row, unique.
    labels : (n,) int64 with -1 for "no label", or None when there are none at all.
    class_names : one name per label value.
    source : where the rows came from, for people.
    notes : sentences on what reading decided, for people.
    """

    rows: np.ndarray | sparse.csr_matrix
    ids: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = self.rows
        if rows.ndim != 2 or rows.dtype != np.float32 or not (isinstance(rows, np.ndarray) or sparse.isspmatrix_csr(rows)):
            raise ValueError(
                f"Feature rows came as {type(rows).__name__} of {rows.dtype} {rows.shape}; wanted a float32 array or CSR "
                "matrix (n, d). Read them with imatlas.images.read_matrix."
            )
        ids = np.asarray(self.ids, dtype=str)
        if len(ids) != rows.shape[0]:
            raise ValueError(f"There are {len(ids)} ids for {rows.shape[0]} rows; give one per row.")
        object.__setattr__(self, "ids", ids)
        if self.labels is not None:
            labels = np.asarray(self.labels, dtype=np.int64)
            object.__setattr__(self, "labels", require_rows(labels, rows.shape[0], "labels"))

    def __len__(self) -> int:
        return self.rows.shape[0]

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        return f"FeatureMatrix({len(self):,} x {self.rows.shape[1]:,}, {kind}, {len(self.class_names)} classes)"

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are a CSR matrix."""
        return sparse.issparse(self.rows)

    def take(self, rows: np.ndarray) -> FeatureMatrix:
        """Give the matrix of some rows, in the order asked for."""
        labels = None if self.labels is None else self.labels[rows]
        return FeatureMatrix(self.rows[rows], self.ids[rows], labels, self.class_names, self.source, self.notes)
