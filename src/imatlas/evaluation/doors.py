"""The door of the functions on plain feature arrays: a trial's features were checked when it was made, these were not."""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError

__all__ = ["require_features"]


def require_features(*sets: np.ndarray, at_least: int = 2) -> None:
    """Let feature sets (n, d) pass that can be compared.

    Raises
    ------
    InputError
        If one is no matrix, has too few rows or numbers that are not finite, or the widths differ.
    """
    for rows in sets:
        if np.ndim(rows) != 2:
            raise InputError(f"Features came with the shape {np.shape(rows)}; give a matrix (n, d), one row per image.")
        if len(rows) < at_least:
            raise InputError(f"{len(rows)} rows of features came; {at_least} are needed at least. Give more images.")
        bad = int((~np.isfinite(rows).all(axis=1)).sum())
        if bad:
            raise InputError(f"{bad} of {len(rows)} rows of features are not finite numbers. Drop them, or mend the extractor.")
    widths = {rows.shape[1] for rows in sets}
    if len(widths) > 1:
        shown = " and ".join(str(width) for width in sorted(widths))
        raise InputError(f"Features have {shown} columns; both sets must come from one extractor.")
