"""The extractors a generator can be judged with: those of maps, an encoder trained anew, and those that come trained."""

from __future__ import annotations

from pathlib import Path

from imatlas.checks import InputError
from imatlas.features.base import Extractor
from imatlas.features.encoder import Encoder
from imatlas.features.own_encoder import OwnEncoder
from imatlas.features.pixels import Pixels
from imatlas.features.pretrained import PRETRAINED, fetch_weights
from imatlas.features.principal_components import PrincipalComponents
from imatlas.features.whole_convolutions import WholeConvolutions

__all__ = ["JUDGES", "make_judge", "require_judge"]

_FITTED: tuple[type[Extractor], ...] = (WholeConvolutions, PrincipalComponents, Pixels, OwnEncoder, Encoder)

JUDGES: dict[str, type[Extractor]] = {kind.name: kind for kind in _FITTED} | PRETRAINED


def require_judge(name: str) -> None:
    """Let the names pass that extractors to judge with go by.

    Raises
    ------
    InputError
        If there is no such extractor.
    """
    if name not in JUDGES:
        raise InputError(f"There is no extractor {name!r}; choose from: {', '.join(JUDGES)}.")


def make_judge(name: str, *, weights: Path | None = None, download: bool = False) -> Extractor:
    """Give an extractor to judge with, not yet fitted.

    Parameters
    ----------
    name : key of `JUDGES`.
    weights : file of the weights of an extractor that comes trained, or their folder; None = where they are usually found.
    download : whether weights that are not there are fetched from their publisher, into the folder `weights` if it is given.

    Raises
    ------
    InputError
        If there is no such extractor, or its weights cannot be fetched.
    """
    require_judge(name)
    if name not in PRETRAINED:
        return JUDGES[name]()
    kind = PRETRAINED[name]
    if download and not (weights is not None and weights.is_file()):
        fetch_weights(kind.published, weights)
    return kind(weights)
