"""A whole study: its folder, its cells one after another, and what came of them.

Everything finished is kept in the folder and skipped when the same study is asked for again; more arms, repeats and lengths
may be added to it. Other images, another budget or anything else that cells depend on is refused by name.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imatlas.checks import FailedRun, InputError
from imatlas.evaluation import Difference
from imatlas.files import locked, read_json, write_json
from imatlas.progress import Progress, Report, silent
from imatlas.studies.arms import ARMS, Arm
from imatlas.studies.bench import Bench, claim_folder
from imatlas.studies.cells import CellResult, pixels_of, read_cell, run_cell, weights_of
from imatlas.studies.differences import ArmDifference, arm_differences
from imatlas.studies.fits import Ground, ground_of, names_for, train_fit
from imatlas.studies.judging import headline, plant, real_of, sampling_differences
from imatlas.studies.morphs import morph_sentences, score_morphs
from imatlas.studies.plan import Cell, Study, arms_of, cells_of, subset_of
from imatlas.studies.verdict import study_verdict
from imatlas.values import ImageSet

__all__ = ["Outcome", "compare"]


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

    Parameters
    ----------
    folder : where all of it is kept.
    images : that it was made with.
    cells : compared.
    results : one for each cell that could be made.
    differences : of every arm from its baseline, and of some from one another, at the full length.
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
    FailedRun
        If a baseline cannot be trained; of other arms that is noted, and the study goes on.
    Interrupted
        On Ctrl-C or SIGTERM; the same call goes on at the cell that was not finished.
    """
    images = subset_of(images, study)
    arms = arms_of(study, images)
    cells, home = cells_of(study, arms), Path(folder)
    claim_folder(home, study, images)
    with locked(home):
        bench = Bench(home, images, real_of(images, study.judges, home / "real.safetensors"), study)
        results, notes = _run(bench, cells, report)
        baseline = next(cell for cell in cells if cell.repeat == 1 and cell.length == 1 and cell.arm == arms[0])
        checks: dict[str, Mapping] = {"planted": _planted(bench, baseline, report), "morphs": _morphs(bench, baseline, report)}
        made = {(one.arm, one.repeat, one.length) for one in results}
        there = [cell for cell in cells if (cell.arm.name, cell.repeat, cell.length) in made]
        sampled = _sampled(bench, there) if study.repeats == 1 else None
    measure = headline(images)
    differences = arm_differences(results, sampled=sampled)
    verdict, more = study_verdict(results, differences, measure, checks["planted"])
    said = (*verdict, *morph_sentences(checks["morphs"], measure))
    return Outcome(home, images, cells, tuple(results), differences, checks, said, (*notes, *more))


def _run(bench: Bench, cells: Sequence[Cell], report: Report) -> tuple[list[CellResult], list[str]]:
    """Give the results of all cells, made now or before, and notes on those that could not be made."""
    results: list[CellResult] = []
    notes: list[str] = []
    ground: Ground | None = None
    begun = time.monotonic()
    for cell in cells:
        result = read_cell(bench.home, cell)
        if result is None:
            bench = _as_before(bench, cells)
            if ground is None or ground.repeat != cell.repeat:
                ground = ground_of(bench.images, bench.study.wishes, bench.home, cell.repeat, report=report)
                _check_conditions(cells, ground)
            try:
                result = run_cell(bench, cell, replace(ground, wishes=bench.study.wishes), report=report)
            except (InputError, FailedRun) as reason:
                # A training that fails gives no cell; one that a study cannot do without, or bad input, ends it.
                if cell.length == 1 and (isinstance(reason, InputError) or cell.arm.name == cell.arm.against):
                    raise
                notes.append(f"{cell.name} was left out: {reason}")
                continue
            report(_progress(cell, cells, [*results, result], time.monotonic() - begun))
        results.append(result)
    return results, notes


def _progress(cell: Cell, cells: Sequence[Cell], results: Sequence[CellResult], seconds: float) -> Progress:
    """Say that a cell is done, and how long the others will take at the pace of all that were ever made."""
    fits = {(one.repeat, one.length, ARMS[one.arm].fit): one.seconds["trained"] for one in results}
    spent = sum(fits.values()) + sum(one.seconds["drawing"] + one.seconds["judging"] for one in results)
    number = cells.index(cell) + 1
    left = spent / len(results) * (len(cells) - number)
    note = f"Cell {number} of {len(cells)}, {cell.name}, is done; about {left / 60:.0f} min of cells left."
    return Progress("cells", number, len(cells), seconds, remaining=left, note=note)


def _as_before(bench: Bench, cells: Sequence[Cell]) -> Bench:
    """Let all cells be trained in the precision that was measured to be faster for the first one, if it was one throughout."""
    wishes = bench.study.wishes
    done = next((result for cell in cells if (result := read_cell(bench.home, cell)) is not None), None)
    measured = set() if done is None else set(done.facts["precision"].values())
    if wishes.precision != "auto" or len(measured) != 1:
        return bench
    return replace(bench, study=replace(bench.study, wishes=replace(wishes, precision=measured.pop())))


def _check_conditions(cells: Sequence[Cell], ground: Ground) -> None:
    """Refuse arms whose conditions the set does not have, before hours have gone into others."""
    for fit in {cell.arm.fit: None for cell in cells}:
        if fit.charged not in ("own", "both"):
            names_for(fit, ground.images, fit.remade(ground.images, ground.manifold, ground.seed))


def _planted(bench: Bench, baseline: Cell, report: Report) -> dict[str, Any]:
    """Give what the copy rates make of planted copies, worked out once."""
    path = bench.home / "planted.json"
    if not path.is_file():
        write_json(path, plant(bench.real, pixels_of(bench.home, baseline), report=report))
    return read_json(path)


def _morphs(bench: Bench, baseline: Cell, report: Report) -> dict[str, dict[str, list[dict]]]:
    """Give the scores of morphs in the baseline of every repeat, where they were asked for, each worked out once."""
    found, study = {}, bench.study
    for repeat in range(1, study.repeats + 1) if study.paths else ():
        path = bench.home / "morphs" / f"{repeat}-{study.paths}.json"
        if not path.is_file():
            ground = ground_of(bench.images, study.wishes, bench.home, repeat, report=report)
            model = train_fit(ground, baseline.arm.fit, weights_of(bench.home, replace(baseline, repeat=repeat))).model
            write_json(path, score_morphs(model, ground, bench.real, count=study.paths, report=report))
        found[str(repeat)] = read_json(path)
    return found


def _sampled(bench: Bench, cells: Sequence[Cell]) -> dict[str, tuple[Difference, ...]]:
    """Compare the images of each arm with those of its baseline, where there is one repeat alone."""
    whole = {cell.arm.name: cell for cell in cells if cell.length == 1}
    found: dict[str, tuple[Difference, ...]] = {}
    for against in dict.fromkeys(cell.arm.against for cell in whole.values()):
        others = {name: pixels_of(bench.home, cell) for name, cell in whole.items() if cell.arm.against == against != name}
        found |= sampling_differences(bench.real, pixels_of(bench.home, whole[against]), others)
    return found
