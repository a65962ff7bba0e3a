"""Who is compared with whom: the real images of a trial are split into a reference and stand-ins for a generator.

A perfect generator's images cannot be told from real ones, so real stand-ins, as many as there are generated images,
are judged in the generated images' place; what they score is the floor. With at least 1,000 held-out images these are
the reference and training images stand in; with fewer, all real images are dealt into two halves.
Both sides are capped at 10,000 images because the cost of comparing grows with their product; sizes are in every score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TypeVar, cast

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.intervals import Estimate
from imatlas.values import Score, Trial

__all__ = ["MAX_COMPARED", "Comparison", "JudgedTrial", "RealSide", "compare", "judge", "split_real"]

MAX_COMPARED = 10_000
MIN_HELD_OUT = 1_000
MIN_IMAGES = 10
SEED = 0

Result = TypeVar("Result")


def split_real(n_train: int, n_held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose which real images are the reference and which stand in for a perfect generator.

    Parameters
    ----------
    n_train, n_held_out : sizes; rows are numbered training first, then held-out.

    Returns
    -------
    int64 (n,) reference and int64 (s,) stand-in rows, disjoint, in random order, at most 10,000 each.
    """
    rng = np.random.default_rng(SEED)
    if n_held_out >= MIN_HELD_OUT:
        reference = n_train + rng.permutation(n_held_out)
        stand_ins = rng.permutation(n_train)
    else:
        order = rng.permutation(n_train + n_held_out)
        half = len(order) // 2
        reference, stand_ins = order[:half], order[half:]
    return reference[:MAX_COMPARED], stand_ins[:MAX_COMPARED]


@dataclass(frozen=True)
class RealSide:
    """The real images of one space, centred and brought to unit mean variance.

    Parameters
    ----------
    space : name of the feature space.
    reference : float32 (n, d), what generated images are compared with.
    stand_ins : float32 (s, d), disjoint from the reference.
    centre : float64 (d,) and `scale` (a number): feature row = centre + scale * row here.
    floors : comparisons of stand-ins, by their number; filled when first asked for.
    """

    space: str
    reference: np.ndarray
    stand_ins: np.ndarray
    centre: np.ndarray
    scale: float
    floors: dict[int, Comparison] = field(default_factory=dict)

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Bring raw feature rows (b, d) to this side's centre and scale, float32."""
        return ((rows - self.centre) / self.scale).astype(np.float32)


@dataclass(frozen=True)
class Comparison:
    """Generated rows beside the reference in one space, remembering what was already worked out.

    Parameters
    ----------
    side : the real images.
    generated : float32 (m, d), in the scale of `side`.
    rows : int64 (m,), which generated images were taken.
    available : how many there were.
    """

    side: RealSide
    generated: np.ndarray
    rows: np.ndarray
    available: int
    _worked_out: dict[Callable, object] = field(default_factory=dict, init=False, repr=False)

    @property
    def real(self) -> np.ndarray:
        """Reference rows, float32 (n, d)."""
        return self.side.reference

    @property
    def floor(self) -> Comparison:
        """The comparison of as many real stand-ins: what a perfect generator would look like."""
        m = len(self.generated)
        if m not in self.side.floors:
            stand_ins = self.side.stand_ins[:m]
            self.side.floors[m] = Comparison(self.side, stand_ins, np.arange(len(stand_ins)), len(stand_ins))
        return self.side.floors[m]

    @property
    def sizes(self) -> dict[str, object]:
        """How many images were compared, for the details of a score."""
        return {"n_real": len(self.real), "n_generated": len(self.generated), "n_generated_available": self.available}

    def score(
        self, name: str, estimate: Estimate, *, floor: float, better: str, block: str, details: Mapping[str, object]
    ) -> Score:
        """Give the score that an estimate over all rows of this comparison makes."""
        return Score(
            name=name,
            space=self.side.space,
            value=estimate.value,
            interval=estimate.interval,
            floor=floor,
            better=better,
            n=len(self.generated),
            block=block,
            details=self.sizes | dict(details),
        )

    def once(self, work: Callable[[Comparison], Result]) -> Result:
        """Give work(self), computed at most once."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        return cast(Result, self._worked_out[work])


@dataclass(frozen=True)
class JudgedTrial(Trial):
    """A trial that remembers its comparisons, so that many metrics share the costly passes.

    `dataclasses.replace` with other generated images keeps what was learned of the real ones.
    """

    real_sides: dict[str, RealSide] = field(default_factory=dict, compare=False, repr=False)
    real_results: dict[tuple, object] = field(default_factory=dict, compare=False, repr=False)
    comparisons: dict[str, Comparison] = field(default_factory=dict, init=False, compare=False, repr=False)
    own_results: dict[tuple, object] = field(default_factory=dict, init=False, compare=False, repr=False)


def judge(trial: Trial) -> JudgedTrial:
    """Give the trial in the form that remembers; a judged trial is given back as it is."""
    if isinstance(trial, JudgedTrial):
        return trial
    return JudgedTrial(**{entry.name: getattr(trial, entry.name) for entry in fields(Trial)})


def compare(trial: Trial, space: str) -> Comparison:
    """Lay the generated rows of one space beside the real ones.

    Raises
    ------
    InputError
        If there are fewer than 10 generated or 20 real images, or all real images have the same features.
    """
    judged = judge(trial)
    if space not in judged.real_sides:
        judged.real_sides[space] = _real_side(trial, space)
    if space not in judged.comparisons:
        side = judged.real_sides[space]
        raw = trial.features[space]["generated"].rows
        if len(raw) < MIN_IMAGES:
            raise InputError(f"{len(raw)} generated images; judging needs {MIN_IMAGES} at least. Generate more.")
        taken = np.arange(len(raw))
        if len(raw) > len(side.stand_ins):
            taken = np.sort(np.random.default_rng(SEED).choice(len(raw), len(side.stand_ins), replace=False))
        judged.comparisons[space] = Comparison(side, side.place(raw[taken]), taken, len(raw))
    return judged.comparisons[space]


def _real_side(trial: Trial, space: str) -> RealSide:
    parts = trial.features[space]
    n_train, n_held_out = len(parts["train"]), len(parts["held_out"])
    if n_train + n_held_out < 2 * MIN_IMAGES:
        raise InputError(
            f"{n_train + n_held_out} real images; judging needs {2 * MIN_IMAGES} at least, "
            "half of them to set the floor. Give more real images."
        )
    reference, stand_ins = (_take_real(trial, space, rows) for rows in split_real(n_train, n_held_out))
    pooled = np.concatenate([reference, stand_ins])
    centre = pooled.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(np.mean(np.square(pooled - centre), dtype=np.float64)))
    if scale == 0:
        raise InputError(
            f"All real images have the same features in the space {space!r}, so nothing can be compared there. "
            "Choose another feature space, or check that the images differ."
        )
    side = RealSide(space, np.zeros(0), np.zeros(0), centre, scale)
    return RealSide(space, side.place(reference), side.place(stand_ins), centre, scale)


def _take_real(trial: Trial, space: str, rows: np.ndarray) -> np.ndarray:
    """Give feature rows numbered training first, then held-out; only these rows are read from a memory map."""
    train, held_out = (trial.features[space][part].rows for part in ("train", "held_out"))
    from_train = rows < len(train)
    taken = np.empty((len(rows), train.shape[1]), dtype=np.float32)
    taken[from_train] = train[rows[from_train]]
    if not from_train.all():
        taken[~from_train] = held_out[rows[~from_train] - len(train)]
    return taken
