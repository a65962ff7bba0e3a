"""Any source of images to one `ImageSet`: the kind is told by what the source is and how it starts, not by its name.

Broken files are skipped and listed with reasons; labels that contradict the images are refused; every decision (size,
ground, split, ignored tables) is written in the notes.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imatlas.checks import InputError, require_range
from imatlas.images.containers import IMAGE_KINDS, Container, Folder, Single, Zip, is_image_name
from imatlas.images.decode import Header, Unusable, decode, deepest, full_white, parse_ground, peek
from imatlas.images.idx import find_idx_files, is_idx, read_idx_folder, read_idx_images
from imatlas.images.layouts import Listing, arrange, encode_labels
from imatlas.images.npz import read_npy, read_npz, row_names
from imatlas.images.pictures import decode_all, drop_equal_channels, find_white, peek_all
from imatlas.images.resolution import HIGHEST_RESOLUTION, HIGHEST_TO_JUDGE, check_resolution, choose_resolution
from imatlas.images.split import split_images
from imatlas.images.stacks import Stack, fit_pixels, to_pixels
from imatlas.progress import Report, silent
from imatlas.values import ImageSet, Rejected

__all__ = ["read_image", "read_images"]

ACCEPTED = (
    "a folder of pictures (flat, class sub-folders, metadata.csv|jsonl or dataset.json), a zip of one, idx files or "
    "their folder, npz, npy, or an array"
)
FIRST_REASONS = 3

_NONE = np.zeros(0, dtype=bool)


@dataclass(frozen=True)
class _Form:
    """What the images shall become; parameters as those of `read_images`."""

    resolution: int | None
    channels: int | None
    ground: str
    exact: bool


def read_images(
    source: str | Path | np.ndarray | ImageSet,
    *,
    resolution: int | None = None,
    ground: str = "white",
    channels: int | None = None,
    held_out: float = 0.1,
    seed: int = 0,
    exact: bool = False,
    report: Report = silent,
) -> ImageSet:
    """Read a set of images.

    Parameters
    ----------
    source : folder, zip, idx(.gz), npz, npy or picture file; an array (n, H, W[, C]); or an image set.
    resolution : side of the square images, a multiple of 4 from 8 to 64; higher shows more and costs more. None: the
        images' own size if they share one in that range, else the largest of some usual sides not above the median; see
        `choose_resolution`.
    ground : colour under transparent places, a name or #rrggbb.
    channels : 1 or 3; None: 1 if every image is gray, else 3.
    held_out : share of images kept for judging; a test split of the source is kept instead.
    seed : of that choice.
    exact : resize by `RESIZE_RULE`, as is done to judge, and up to 512 a side if asked for; slower than as is done to train.
    report : told about the progress.

    Returns
    -------
    Image set of uint8 (n, R, R, C); files that could not be used are in `rejected`, decisions in `notes`.

    Raises
    ------
    InputError
        If there is nothing to read, or labels do not fit the images; the message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> faces = np.random.default_rng(0).random((20, 30, 40))
    >>> read_images(faces, resolution=16).pixels.shape
    (20, 16, 16, 1)
    """
    if resolution is not None:
        resolution = check_resolution(resolution, highest=HIGHEST_TO_JUDGE if exact else HIGHEST_RESOLUTION)
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels!r}; wanted 1 (gray) or 3 (colour), or None to have it found out.")
    parse_ground(ground)
    require_range(held_out, low=0.0, high=0.9, name="held_out, the share of images to hold out,")
    form = _Form(resolution, channels, ground, exact)
    if isinstance(source, ImageSet):
        return _refit(source, form)
    if isinstance(source, np.ndarray):
        opened: Container | Stack = Stack(source, row_names("array", len(source)) if source.ndim else np.array([]))
        name = "array"
    elif isinstance(source, str | Path):
        opened, name = _open(Path(source).expanduser()), str(source)
    else:
        raise TypeError(f"The source is a {type(source).__name__}; wanted {ACCEPTED}.")
    if isinstance(opened, Stack):
        images = _from_stack(opened, form, name)
    else:
        with contextlib.closing(opened):
            images = _from_container(opened, form, report)
    return split_images(replace(images, source=name), held_out, seed)


def read_image(path: str | Path, resolution: int, channels: int, ground: str = "white") -> np.ndarray:
    """Read one picture, such as a user's own to place on the map.

    Parameters
    ----------
    path : a picture file.
    resolution : side of the result, pixels.
    channels : 1 (gray) or 3 (RGB).
    ground : colour under transparent places.

    Returns
    -------
    uint8 (resolution, resolution, channels).

    Raises
    ------
    InputError
        If there is no such file, or it cannot be used; the message says why.
    """
    check_resolution(resolution)
    if channels not in (1, 3):
        raise InputError(f"channels is {channels!r}; wanted 1 (gray) or 3 (colour).")
    colour = parse_ground(ground)
    try:
        with open(path, "rb") as stream:
            white = 65535.0
            if peek(stream).deep:
                stream.seek(0)
                white = full_white(deepest(stream))
            stream.seek(0)
            pixels, _ = decode(stream, resolution=resolution, channels=channels, ground=colour, white=white)
    except OSError as error:
        raise InputError(f"The picture {path} cannot be opened ({error.strerror or error}). Check the name.") from error
    except Unusable as reason:
        raise InputError(f"The picture {path} cannot be used: {reason}. Give another one.") from reason
    return pixels


def _open(path: Path) -> Container | Stack:
    """Tell what kind of source a path is and open it."""
    try:
        if path.is_dir():
            idx_files = find_idx_files(path)
            return read_idx_folder(idx_files) if any(kind == "images" for _, kind in idx_files) else Folder(path)
        if not path.exists():
            raise InputError(f"There is no file or folder {path}. Check the name; wanted {ACCEPTED}.")
        with open(path, "rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror or error}). Check its name and permissions.") from error
    if start[:6] == b"\x93NUMPY":
        return read_npy(path)
    if start[:2] == b"PK" or path.suffix.lower() in (".zip", ".npz"):
        return read_npz(path) if _is_npz(path) else Zip(path)
    if is_idx(start) or start[:2] == b"\x1f\x8b" or "ubyte" in path.name:
        return read_idx_images(path)
    if is_image_name(path.name):
        return Single(path)
    raise InputError(f"{path} is not a kind of source that can be read; wanted {ACCEPTED}.")


def _is_npz(path: Path) -> bool:
    if path.suffix.lower() == ".npz":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _from_container(container: Container, form: _Form, report: Report) -> ImageSet:
    """Read the picture files of a folder or zip."""
    listing = arrange(container)
    notes = listing.notes
    headers = peek_all(container, report)
    rejected = container.rejected + listing.rejected
    rejected += [Rejected(name, head) for name, head in zip(listing.names, headers) if isinstance(head, str)]
    usable = [(row, head) for row, head in enumerate(headers) if isinstance(head, Header)]
    if not usable:
        raise InputError(_nothing(container, rejected))
    if (resolution := form.resolution) is None:
        resolution, note = choose_resolution([(head.width, head.height) for _, head in usable])
        notes.append(note)
    deep = [listing.names[row] for row, head in usable if head.deep]
    decoded = decode_all(
        container,
        [listing.names[row] for row, _ in usable],
        resolution=resolution,
        channels=form.channels or (1 if all(head.gray for _, head in usable) else 3),
        ground=form.ground,
        white=find_white(container, deep) if deep else 65535.0,
        exact=form.exact,
        report=report,
    )
    rejected += [Rejected(listing.names[usable[at][0]], reason) for at, reason in sorted(decoded.reasons.items())]
    if not len(decoded.pixels):
        raise InputError(_nothing(container, rejected))
    heads = [head for (_, head), kept in zip(usable, decoded.keep) if kept]
    rows = [row for (row, _), kept in zip(usable, decoded.keep) if kept]
    pixels = decoded.pixels if form.channels else drop_equal_channels(decoded.pixels)
    notes += decoded.notes
    if rejected:
        notes.append(f"{len(rejected):,} files or entries could not be used; they are listed with reasons.")
    sizes = Counter(f"{head.width} x {head.height}" for head in heads)
    images = _label(pixels, listing, rows, rejected)
    return replace(images, formats=Counter(head.kind for head in heads), sizes=sizes)


def _label(pixels: np.ndarray, listing: Listing, rows: list[int], rejected: list[Rejected]) -> ImageSet:
    """Join pixels with the ids, classes and split of their rows."""
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    if listing.classes is not None:
        labels, class_names = encode_labels(listing.classes[row] for row in rows)
    held_out = None
    if listing.held_out is not None:
        held_out = np.array([listing.held_out[row] for row in rows])
    return ImageSet(
        pixels,
        ids=np.array([_printable(listing.names[row]) for row in rows]),
        labels=labels,
        class_names=class_names,
        held_out=_NONE if held_out is None else held_out,
        rejected=tuple(Rejected(_printable(one.path), one.reason) for one in rejected),
        notes=tuple(listing.notes),
    )


def _printable(name: str) -> str:
    """Give a name that can be written as UTF-8; bytes that are not become escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _nothing(container: Container, rejected: list[Rejected]) -> str:
    """Say in words why a source gave no image at all."""
    inner = sorted(path for kind in ("zip", "npz", "npy") for path in container.source.glob(f"*.{kind}"))
    if inner and not rejected:
        return f"{container.source} holds no image files, but there is {inner[0].name} in it. Give {inner[0]} itself."
    if not rejected:
        return (
            f"{container.source} holds no image files: {container.n_seen:,} files were seen, none of them named like "
            f"an image ({', '.join(IMAGE_KINDS)}). Give {ACCEPTED}."
        )
    first = "; ".join(f"{one.path}: {one.reason}" for one in rejected[:FIRST_REASONS])
    more = f" (and {len(rejected) - FIRST_REASONS:,} more)" if len(rejected) > FIRST_REASONS else ""
    return (
        f"No image in {container.source} can be used: {container.n_seen:,} files were seen and {len(rejected):,} were "
        f"left out. {first}{more}. Mend them or give another source."
    )


def _from_stack(stack: Stack, form: _Form, name: str) -> ImageSet:
    """Bring images that came as one array to an image set."""
    notes = stack.notes
    pixels = to_pixels(stack.pixels, f"The image array of {name}" if name != "array" else "The image array", notes)
    fitted = _fit(pixels, replace(form, channels=form.channels or (1 if pixels.shape[3] == 1 else 3)), notes)
    return ImageSet(
        fitted if form.channels else drop_equal_channels(fitted),
        ids=stack.ids,
        labels=stack.labels,
        class_names=stack.class_names,
        held_out=_NONE if stack.held_out is None else stack.held_out,
        notes=tuple(notes),
        formats={"array": len(fitted)},
        sizes={f"{pixels.shape[2]} x {pixels.shape[1]}": len(fitted)},
    )


def _refit(images: ImageSet, form: _Form) -> ImageSet:
    """Give an image set as it is, or brought to another resolution or number of channels."""
    height, width, n_channels = images.shape
    wanted = (form.resolution or height, form.resolution or width, form.channels or n_channels)
    if wanted == images.shape:
        return images
    notes = list(images.notes)
    pixels = _fit(images.pixels, replace(form, resolution=wanted[0], channels=wanted[2]), notes)
    return replace(images, pixels=pixels, notes=tuple(notes))


def _fit(pixels: np.ndarray, form: _Form, notes: list[str]) -> np.ndarray:
    channels = form.channels or pixels.shape[3]
    return fit_pixels(pixels, resolution=form.resolution, channels=channels, ground=form.ground, notes=notes, exact=form.exact)
