"""A whole study: its folder, its cells one after another, and what came of them.

Everything finished is kept in the folder and skipped when the same study is asked for again; more arms, repeats and lengths
may be added to it. Other images, another budget or anything else that cells depend on is refused by name.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.checks import InputError
from imatlas.evaluation import Difference
from imatlas.files import content_hash, is_leftover, locked, read_json, write_json
from imatlas.progress import Progress, Report, silent
from imatlas.recipes import RealSet, Wishes
from imatlas.studies.arms import Arm
from imatlas.studies.cells import CellResult, pixels_of, read_cell, run_cell, weights_of
from imatlas.studies.differences import ArmDifference, arm_differences
from imatlas.studies.fits import Ground, ground_of, names_for, train_fit
from imatlas.studies.judging import headline, plant, real_of, sampling_differences
from imatlas.studies.morphs import morph_sentences, score_morphs
from imatlas.studies.plan import Cell, Study, arms_of, cells_of, count_of, subset_of
from imatlas.studies.verdict import study_verdict
from imatlas.values import ImageSet

__all__ = ["Outcome", "compare"]

KIND = "imatlas study"
FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

    Parameters
    ----------
    folder : where all of it is kept.
    images : that it was made with.
    cells : compared.
    results : one for each cell that could be made.
    differences : of every arm from its baseline, at the full length.
    checks : "planted", what the copy rates made of planted copies, from `plant`; "morphs", repeat -> scores of the middles of
        morphs, from `score_morphs`.
    verdict : sentences for people.
    notes : sentences on what was left out or is to be borne in mind.
    """

    folder: Path
    images: ImageSet
    cells: tuple[Cell, ...]
    results: tuple[CellResult, ...]
    differences: tuple[ArmDifference, ...]
    checks: Mapping[str, Mapping]
    verdict: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """What was compared, baselines first."""
        return tuple(dict.fromkeys(cell.arm for cell in self.cells))


def compare(images: ImageSet, study: Study, folder: Path, *, report: Report = silent) -> Outcome:
    """Compare ways to generate images, or go on with a comparison that was stopped.

    Parameters
    ----------
    images : with their split.
    study : what is compared, and on what terms.
    folder : of the study, a new one or that of the same study.
    report : hears of the progress; of each cell when it is done.

    Raises
    ------
    InputError
        If an arm cannot be had, or the folder holds something else.
    Interrupted
        On Ctrl-C or SIGTERM; the same call goes on at the cell that was not finished.
    """
    images = subset_of(images, study)
    arms = arms_of(study, images)
    cells, home = cells_of(study, arms), Path(folder)
    _claim(home, study, images)
    with locked(home):
        real = real_of(images, study.judges, home / "real.safetensors")
        results, notes = _run(cells, images, real, study, home, report)
        baseline = next(cell for cell in cells if cell.repeat == 1 and cell.length == 1 and cell.arm == arms[0])
        planted = _planted(real, home, baseline, report)
        morphs = _morphs(baseline, images, real, study, home, report)
        sampled = _sampled(real, home, cells) if study.repeats == 1 else None
    measure = headline(images)
    differences = arm_differences(results, sampled=sampled)
    verdict, more = study_verdict(results, differences, measure, planted)
    said = (*verdict, *morph_sentences(morphs, measure))
    checks: dict[str, Mapping] = {"planted": planted, "morphs": morphs}
    return Outcome(home, images, cells, tuple(results), differences, checks, said, (*notes, *more))


def _claim(home: Path, study: Study, images: ImageSet) -> None:
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


def _run(
    cells: Sequence[Cell], images: ImageSet, real: RealSet, study: Study, home: Path, report: Report
) -> tuple[list[CellResult], list[str]]:
    """Give the results of all cells, made now or before, and notes on those that could not be made."""
    results: list[CellResult] = []
    notes: list[str] = []
    ground: Ground | None = None
    begun, done_before = time.monotonic(), sum(read_cell(home, cell) is not None for cell in cells)
    for number, cell in enumerate(cells):
        result = read_cell(home, cell)
        if result is None:
            if ground is None or ground.seed != study.wishes.seed + cell.repeat - 1:
                ground = ground_of(images, study.wishes, home, cell.repeat, report=report)
                _check_conditions(cells, ground)
            wishes = _as_before(study.wishes, cells, home)
            try:
                result = run_cell(cell, ground, real, home, wishes=wishes, count=count_of(study, images), report=report)
            except InputError as reason:
                if cell.length == 1:
                    raise
                notes.append(f"{cell.arm.name} at {cell.length:g} of the budget was left out: {reason}")
                continue
        results.append(result)
        seconds, made = time.monotonic() - begun, number + 1 - done_before
        left = seconds / max(made, 1) * (len(cells) - number - 1)
        note = f"Cell {number + 1} of {len(cells)}, {cell.name}, is done; about {left / 60:.0f} min of cells left."
        report(Progress("cells", number + 1, len(cells), seconds, remaining=left, note=note))
    return results, notes


def _as_before(wishes: Wishes, cells: Sequence[Cell], home: Path) -> Wishes:
    """Let all cells be trained in the precision that was measured to be faster for the first one, if it was one throughout."""
    done = next((result for cell in cells if (result := read_cell(home, cell)) is not None), None)
    if wishes.precision != "auto" or done is None:
        return wishes
    measured = set(dict(done.facts["precision"]).values())  # type: ignore[call-overload]
    return replace(wishes, precision=measured.pop()) if len(measured) == 1 else wishes


def _check_conditions(cells: Sequence[Cell], ground: Ground) -> None:
    """Refuse arms whose conditions the set does not have, before hours have gone into others."""
    for fit in {cell.arm.fit: None for cell in cells}:
        if fit.charged != "own":
            names_for(fit, ground.images, fit.remade(ground.images, ground.manifold, ground.seed))


def _planted(real: RealSet, home: Path, baseline: Cell, report: Report) -> dict[str, object]:
    """Give what the copy rates make of planted copies, worked out once."""
    path = home / "planted.json"
    if not path.is_file():
        write_json(path, plant(real, pixels_of(home, baseline), report=report))
    return read_json(path)


def _morphs(
    baseline: Cell, images: ImageSet, real: RealSet, study: Study, home: Path, report: Report
) -> dict[str, dict[str, list[dict]]]:
    """Give the scores of morphs in the baseline of every repeat, where they were asked for."""
    found = {}
    for repeat in range(1, study.repeats + 1) if study.paths else ():
        ground = ground_of(images, study.wishes, home, repeat, report=report)
        cell = replace(baseline, repeat=repeat)
        model = train_fit(ground, cell.arm.fit, study.wishes, weights_of(home, cell)).model
        found[str(repeat)] = score_morphs(
            model, ground, real, home / "morphs" / f"{repeat}.json", count=study.paths, report=report
        )
    return found


def _sampled(real: RealSet, home: Path, cells: Sequence[Cell]) -> dict[str, tuple[Difference, ...]]:
    """Compare the images of each arm with those of its baseline, where there is one repeat alone."""
    whole = {cell.arm.name: cell for cell in cells if cell.length == 1}
    found: dict[str, tuple[Difference, ...]] = {}
    for against in dict.fromkeys(cell.arm.against for cell in whole.values()):
        others = {name: pixels_of(home, cell) for name, cell in whole.items() if cell.arm.against == against != name}
        found |= sampling_differences(real, pixels_of(home, whole[against]), others)
    return found
