"""Where the cells of a study are made: its folder, its images, what they are judged against, its terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.checks import InputError
from imatlas.files import content_hash, is_leftover, read_json, write_json
from imatlas.recipes import RealSet
from imatlas.studies.plan import Study, count_of
from imatlas.values import ImageSet

__all__ = ["Bench", "claim_folder"]

KIND = "imatlas study"
FORMAT = 1


@dataclass(frozen=True)
class Bench:
    """What all cells of a study share.

    Parameters
    ----------
    home : folder of the study.
    images : that the study is made with, a subset already taken.
    real : what all generated images are judged against.
    study : what is compared, and on what terms.
    """

    home: Path
    images: ImageSet
    real: RealSet
    study: Study

    @property
    def count(self) -> int:
        """How many images are drawn from each training."""
        return count_of(self.study, self.images)


def claim_folder(home: Path, study: Study, images: ImageSet) -> None:
    """Make the folder of a study its own, or check that it is.

    Raises
    ------
    InputError
        If it holds anything else, or another study; the message names what differs.
    """
    path, settings = home / "study.json", _settings(study, images)
    if path.is_file():
        kept = read_json(path)
        if kept.get("kind") != KIND or kept.get("format") != FORMAT:
            raise InputError(f"{path} is no study that this version reads; it was left as it is. Choose another --out.")
        differ = [f"{name} ({kept['settings'].get(name)} then, {value} now)" for name, value in settings.items()]
        differ = [words for words, name in zip(differ, settings, strict=True) if kept["settings"].get(name) != settings[name]]
        if differ:
            raise InputError(f"{home} holds another study; what differs: {', '.join(differ)}. Choose another --out.")
        return
    there = sorted(path.name for path in home.iterdir() if not is_leftover(path.name)) if home.is_dir() else []
    if there or home.is_file():
        raise InputError(
            f"{home} holds {there[0] if there else 'a file'} and is no study; nothing there was touched. Choose another --out."
        )
    write_json(path, {"kind": KIND, "format": FORMAT, "made_by": f"imatlas {__version__}", "settings": settings})


def _settings(study: Study, images: ImageSet) -> dict[str, object]:
    """Give all that a cell depends on, beside its arm, repeat and length."""
    wishes = study.wishes
    split = content_hash(images.held_out, images.excluded, np.zeros(0) if images.labels is None else images.labels)
    asked = {
        name: getattr(wishes, name) for name in ("budget", "steps", "seed", "features", "generator", "device", "precision")
    }
    return {
        "images": content_hash(np.asarray(images.pixels)),
        "split and labels": split,
        "subset": study.subset,
        **asked,
        "judges": list(study.judges),
        "count": count_of(study, images),
        "version": __version__,
    }
