"""The real set of a judgement: images, fitted extractors and features, worked out once and kept in one file if asked for.

The file holds all that a judgement needs of the real images, so that it can be given in their place. It is checked, not
trusted: a fingerprint of images, split, resizing and extractors must fit what the file holds and, where the images are given
too, what they are now; and features of some of its images are extracted again and must agree, which finds a file of another
version of an extractor. Whatever does not fit is refused by name. The scores of the reference rows are kept too, with a hash of
the code that made them; those of other code are worked out again. safetensors, so that reading it runs no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from imatlas import evaluation
from imatlas.checks import InputError
from imatlas.evaluation import JudgedTrial, judge
from imatlas.features import JUDGES, PRETRAINED, Extractor, make_judge
from imatlas.files import content_hash, reading
from imatlas.recipes.matching import first_rows
from imatlas.store import Atlas
from imatlas.store.packed import read_packed, write_packed
from imatlas.values import Features, ImageSet, Score, Trial

__all__ = [
    "RealSet",
    "clusters_of",
    "extract",
    "is_real_set",
    "read_real_set",
    "real_set",
    "require_place",
    "require_same_images",
    "with_clusters",
    "write_real_set",
]

KIND = "imatlas real set"
FORMAT = 2
ENDING = ".safetensors"
PARTS = ("train", "held_out")
CHECKED_ROWS = 16
SAME = 1e-3
"""Largest difference of features extracted again, over their spread; machines round products differently."""


@dataclass(frozen=True)
class RealSet:
    """Real images with what every judgement needs of them.

    Parameters
    ----------
    images : with their split, as they were read.
    resize : the rule by which they came to their size.
    extractors : fitted to the training images, by name.
    features : extractor name -> "train" and "held_out" -> features.
    clusters : int64 (n,) cluster of each training image, -1 = in none; None where nobody made clusters.
    reference_scores : number of generated images and names of metrics -> scores of the reference rows; filled when first
        asked for.
    """

    images: ImageSet
    resize: str
    extractors: Mapping[str, Extractor]
    features: Mapping[str, Mapping[str, Features]]
    clusters: np.ndarray | None = None
    reference_scores: dict[tuple, dict[str, tuple[Score, ...]]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def trial(self) -> JudgedTrial:
        """The trial of no generated images yet; trials made of it share what is worked out for the real ones."""
        train, held_out = self.parts.values()
        return judge(Trial(train, held_out, train.take(np.arange(0)), self.features, clusters=self.clusters))

    @cached_property
    def parts(self) -> dict[str, ImageSet]:
        """Training and held-out images, by name."""
        return parts_of(self.images)

    @cached_property
    def used(self) -> ImageSet:
        """The images without those that a person took out, with what was counted of all."""
        whole = self.images
        kept = whole.take(np.flatnonzero(~whole.excluded)) if whole.excluded.any() else whole
        return replace(kept, rejected=whole.rejected, formats=whole.formats, sizes=whole.sizes)

    @cached_property
    def first_rows(self) -> dict[bytes, int]:
        """The first row of each different picture in `used`, by the digest of its pixels."""
        return first_rows(self.used)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """What the features depend on, each part by a hash or in words, and one hash of all."""
        found = _fingerprint(self.images, self.resize)
        found["extractors"] = content_hash({name: extractor.pack()[0] for name, extractor in self.extractors.items()})
        found["clusters"] = content_hash(_or_none(self.clusters))
        return found | {"all": content_hash(found)}


def real_set(images: ImageSet, judges: Sequence[Extractor], *, resize: str, clusters: np.ndarray | None = None) -> RealSet:
    """Fit extractors to the training images and extract the features of all.

    Parameters
    ----------
    images : with their split.
    judges : extractors, one of a kind; they are fitted here.
    resize : the rule by which the images came to their size, in words.
    clusters : int64 (n,) of the training images, if there are any.

    Raises
    ------
    InputError
        If an extractor does not fit the images, such as images that are all the same.
    """
    parts = parts_of(images)
    extractors = {judge.name: judge.fit(parts["train"]) for judge in judges}
    features = {name: {part: extract(one, held) for part, held in parts.items()} for name, one in extractors.items()}
    return RealSet(images, resize, extractors, features, clusters)


def parts_of(images: ImageSet) -> dict[str, ImageSet]:
    """Give training and held-out images by name."""
    return dict(zip(PARTS, (images.take(rows) for rows in (images.training_rows, images.held_out_rows)), strict=True))


def clusters_of(atlas: Atlas, images: ImageSet) -> np.ndarray | None:
    """Give the cluster of each training image of a set that was read from an atlas, by its id; None before there is a map."""
    if not atlas.has_manifold:
        return None
    manifold = atlas.manifold
    known = dict(zip(atlas.images.ids[manifold.rows].tolist(), manifold.clusters.labels.tolist(), strict=True))
    return np.array([known.get(name, -1) for name in images.ids[images.training_rows].tolist()], dtype=np.int64)


def with_clusters(side: RealSet, clusters: np.ndarray | None) -> RealSet:
    """Give a real set with other clusters; the scores of the reference rows, which hang on them, are left behind."""
    if np.array_equal(_or_none(side.clusters), _or_none(clusters)):
        return side
    return replace(side, clusters=clusters, reference_scores={})


def _or_none(clusters: np.ndarray | None) -> np.ndarray:
    return np.zeros(0, dtype=np.int64) if clusters is None else clusters


def extract(extractor: Extractor, images: ImageSet) -> Features:
    """Give the features of images.

    Raises
    ------
    InputError
        If they hold NaN or infinite numbers; nothing can be compared then.
    """
    try:
        return extractor.transform(images)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"The extractor {extractor.name} cannot be judged with: {error} Choose others with --extractors."
        ) from error


def require_place(path: Path) -> None:
    """Let a place pass that a real set can be kept in.

    Raises
    ------
    InputError
        If its name does not end in .safetensors, or it is a folder.
    """
    if path.suffix != ENDING:
        raise InputError(f"The real set is kept as a safetensors file, and {path} is not named so. Let it end in {ENDING}.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; the real set is kept as one file. Name a file in it that ends in {ENDING}.")


def write_real_set(side: RealSet, path: Path) -> None:
    """Keep a real set in one file.

    Raises
    ------
    InputError
        If the place cannot be written, or its name does not end in .safetensors.
    """
    require_place(path)
    images = side.images
    arrays: dict[str, np.ndarray] = {"pixels": images.pixels, "held_out": images.held_out, "excluded": images.excluded}
    if images.labels is not None:
        arrays["labels"] = images.labels
    if side.clusters is not None:
        arrays["clusters"] = side.clusters
    packed = {}
    for name, extractor in side.extractors.items():
        packed[name], learned = extractor.pack()
        arrays |= {f"{name}/learned/{key}": values for key, values in learned.items()}
        arrays |= {f"{name}/{part}": rows.rows for part, rows in side.features[name].items()}
    told = {name: getattr(images, name) for name in ("source", "notes", "class_names")}
    counts = {name: dict(getattr(images, name)) for name in ("formats", "sizes")}
    header = {"kind": KIND, "format": FORMAT, "resize": side.resize, "fingerprint": side.fingerprint, "extractors": packed}
    references = {"code": code_version(), "rows": _reference_rows(side)}
    write_packed(path, header | told | counts | {"ids": images.ids.tolist(), "references": references}, arrays)


def code_version() -> str:
    """Give a hash of the code that scores; what was scored by other code is not used again."""
    return content_hash(*(path.read_text(encoding="utf-8") for path in sorted(Path(evaluation.__file__).parent.glob("*.py"))))


def is_real_set(path: Path) -> bool:
    """Say whether a file is named as those that `write_real_set` makes."""
    return path.is_file() and path.suffix == ENDING


def read_real_set(path: Path, *, make: Callable[[str], Extractor] = make_judge) -> RealSet:
    """Read what `write_real_set` wrote, and check it.

    Parameters
    ----------
    make : gives an extractor by its name; asked for those that come trained, whose weights are not in the file.

    Raises
    ------
    InputError
        If it is no such file, is damaged, or was made by another version of an extractor.
    """
    cure = "make it anew from the images: imatlas evaluate --real IMAGES --keep FILE"
    settings, arrays = read_packed(path, cure=cure)
    if settings.get("kind") != KIND or settings.get("format") != FORMAT:
        raise InputError(f"{path} does not hold the real set of a judgement as this version keeps it. Delete it, or {cure}.")
    with reading(f"The real set in {path}", f"Delete it, and {cure}."):
        side = _unpacked(settings, arrays, make)
        if side.fingerprint != settings["fingerprint"]:
            raise ValueError("its parts do not fit its fingerprint")
    for name, extractor in side.extractors.items():
        _check(path, side, name, extractor)
    return side


def require_same_images(side: RealSet, images: ImageSet, *, names: Sequence[str], resize: str, path: Path) -> None:
    """Refuse a kept real set that was made of other images, in another way or with other extractors.

    Raises
    ------
    InputError
        If it was; the message names what differs.
    """
    now = _fingerprint(images, resize)
    differ = [name for name, value in now.items() if side.fingerprint[name] != value]
    if list(side.extractors) != list(names):
        differ.append(f"extractors ({', '.join(side.extractors)} then, {', '.join(names)} now)")
    if differ:
        raise InputError(
            f"{path} is of another real set than is given now; what differs: {', '.join(differ)}. It was left as it is. "
            "Delete it to have it made anew, or name another file with --keep."
        )


def _fingerprint(images: ImageSet, resize: str) -> dict[str, str]:
    return {
        "images": content_hash(images.pixels),
        "number of images": f"{len(images.training_rows)} + {len(images.held_out_rows)} held out",
        "split": content_hash(images.held_out, images.excluded),
        "classes": content_hash(np.zeros(0) if images.labels is None else images.labels, list(images.class_names)),
        "resize": f"{resize}, to {images.shape[0]}",
    }


def _unpacked(settings: Mapping, arrays: Mapping[str, np.ndarray], make: Callable[[str], Extractor]) -> RealSet:
    images = ImageSet(
        arrays["pixels"],
        ids=np.array(settings["ids"], dtype=str),
        labels=arrays.get("labels"),
        class_names=tuple(settings["class_names"]),
        held_out=arrays["held_out"],
        excluded=arrays["excluded"],
        source=settings["source"],
        notes=tuple(settings["notes"]),
        formats=settings["formats"],
        sizes=settings["sizes"],
    )
    extractors, features = {}, {}
    for name, packed in settings["extractors"].items():
        start = f"{name}/learned/"
        learned = {key.removeprefix(start): values for key, values in arrays.items() if key.startswith(start)}
        one = make(name).fit(images) if name in PRETRAINED else JUDGES[name].unpack(packed, learned)
        extractors[name] = one
        features[name] = {part: Features(arrays[f"{name}/{part}"], name, one.settings(), one.rows) for part in PARTS}
    references = settings["references"]
    rows = references["rows"] if references["code"] == code_version() else []
    known = {(row["count"], tuple(row["metrics"])): _scores(row["scores"]) for row in rows}
    return RealSet(images, settings["resize"], extractors, features, arrays.get("clusters"), known)


def _reference_rows(side: RealSet) -> list[dict]:
    """Give the scores of the reference rows as JSON values."""
    return [
        {
            "count": count,
            "metrics": names,
            "scores": {name: [asdict(score) for score in scores] for name, scores in rows.items()},
        }
        for (count, names), rows in side.reference_scores.items()
    ]


def _scores(rows: Mapping[str, Sequence[Mapping]]) -> dict[str, tuple[Score, ...]]:
    """Give the scores that `_reference_rows` told; intervals come back as tuples."""
    return {
        name: tuple(Score(**{**row, "interval": row["interval"] and tuple(row["interval"])}) for row in scores)
        for name, scores in rows.items()
    }


def _check(path: Path, side: RealSet, name: str, extractor: Extractor) -> None:
    """Extract the features of the first training images again."""
    kept = side.features[name]["train"].rows
    again = extract(extractor, side.parts["train"].take(np.arange(min(CHECKED_ROWS, len(kept))))).rows
    spread = float(np.std(kept)) or 1.0
    if again.shape[1] != kept.shape[1] or np.abs(again - kept[: len(again)]).max(initial=0.0) > SAME * spread:
        raise InputError(
            f"The features {name} in {path} are not those that this version extracts, so it was made by another one. Delete it "
            "and make it anew from the images: imatlas evaluate --real IMAGES --keep FILE."
        )
