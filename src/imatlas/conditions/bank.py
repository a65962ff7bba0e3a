"""Neighborhood codes taken from the training rows themselves, where an atlas is at hand.

Drawing from such a bank shows what a perfect prior could do: its codes are those of real images. Images drawn from it are
therefore to be told apart from those whose codes were generated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions.base import Condition
from imatlas.conditions.neighborhood import NeighborhoodCondition
from imatlas.values import Codes

__all__ = ["bank_codes"]

NEAREST = 15
"""Rows among which is drawn, where a wish is a vector and no row meets it exactly."""


def bank_codes(known: Mapping[str, Condition], chosen: Codes, seeds: Sequence[int]) -> np.ndarray:
    """Draw one training row per seed that meets the codes already chosen, and give its neighborhood codes.

    Parameters
    ----------
    known : name -> condition, described from the manifold; one is the neighborhood.
    chosen : codes of other conditions, one row per seed, or no fields.
    seeds : one per image; each draws by itself.

    Returns
    -------
    float32 (b, m + 1)

    Raises
    ------
    InputError
        If no training row is of the class and cluster that were chosen.
    """
    neighborhood = known["neighborhood"]
    if not isinstance(neighborhood, NeighborhoodCondition):
        raise TypeError(f"The neighborhood is a {type(neighborhood).__name__}; wanted a NeighborhoodCondition.")
    n = len(neighborhood.bank)
    there = {name: known[name].codes(np.arange(n), np.random.default_rng(0)) for name in chosen.fields}
    meeting: dict[bytes, np.ndarray] = {}
    codes = np.zeros((len(seeds), neighborhood.field.n_columns), dtype=np.float32)
    for place, seed in enumerate(seeds):
        wished = {name: values[place] for name, values in chosen.fields.items()}
        key = b"".join(values.tobytes() for values in wished.values())
        if key not in meeting:
            meeting[key] = _meeting_rows(known, there, wished, n)
        rng = np.random.default_rng([seed, 2])
        codes[place] = neighborhood.codes(rng.choice(meeting[key], size=1), rng)[0]
    return codes


def _meeting_rows(
    known: Mapping[str, Condition], there: Mapping[str, np.ndarray], wished: Mapping[str, np.ndarray], n: int
) -> np.ndarray:
    """Give the rows of the wished categories, and among them the nearest ones by the wished vectors."""
    meets, gaps = np.ones(n, dtype=bool), np.zeros(n)
    for name, code in wished.items():
        if known[name].field.kind == "category":
            meets &= there[name][:, 0] == code[0]
        else:
            gaps += np.square(there[name] - code).mean(axis=1)
    rows = np.flatnonzero(meets)
    if not len(rows):
        raise InputError(f"No training image is of all of {', '.join(wished)} as wished; leave one of them out.")
    return rows if gaps.max() == 0 else rows[np.argsort(gaps[rows], kind="stable")[:NEAREST]]
