"""What the verb compare does: images to a comparison of ways to generate them, its folder, and its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imatlas.app.cli.console import MISUSED, Console, sentences
from imatlas.app.cli.verbs import Reading, check_reading, read_source
from imatlas.app.cli.wording import say_images
from imatlas.app.comparison_page import outcome_facts, write_comparison
from imatlas.app.words import duration
from imatlas.checks import InputError
from imatlas.files import write_json
from imatlas.recipes import Wishes
from imatlas.studies import ARMS, Study, arms_of, compare, count_of, forecast_study, subset_of
from imatlas.studies.plan import DEFAULT_JUDGES
from imatlas.values import ImageSet

__all__ = ["compare_arms", "list_arms", "read_study"]


def read_study(wishes: Wishes, asked: Mapping[str, str], counts: Mapping[str, Any], *, as_json: bool) -> Study:
    """Read the options that decide what is compared; a wrong one ends the program with a sentence and exit code 2.

    Parameters
    ----------
    asked : "arms", "judges", "lengths", as they were written, with commas between.
    counts : "repeats", "count", "subset", "paths" of the `Study`.
    """
    with sentences(Console(as_json=as_json), code=MISUSED):
        names = {name: tuple(part.strip() for part in text.split(",") if part.strip()) for name, text in asked.items()}
        unknown = [name for name in names["arms"] if name not in ARMS]
        if unknown:
            raise InputError(f"There is no arm {unknown[0]!r}; choose from: {', '.join(ARMS)}.")
        try:
            lengths = tuple(sorted({float(part) for part in names["lengths"]} | {1.0}))
        except ValueError as error:
            raise InputError(f"The lengths {asked['lengths']!r} are not numbers; give for example 0.25,0.5.") from error
        judges = names["judges"] or DEFAULT_JUDGES
        return Study(names["arms"], wishes=wishes, lengths=lengths, judges=judges, **counts)


def list_arms(*, as_json: bool) -> None:
    """Say which arms there are."""
    console = Console(as_json=as_json)
    plain = {name: arm.says for name, arm in ARMS.items() if not arm.guided}
    width = max(map(len, plain))
    console.say(*(f"  {name:<{width}}  {says}" for name, says in plain.items()))
    console.say("NAME+guided draws from the same weights with autoguidance.")
    console.give({"arms": {name: arm.says for name, arm in ARMS.items()}})


def compare_arms(reading: Reading, study: Study, *, as_json: bool) -> None:
    """A folder of images to a study and its page."""
    console = Console(as_json=as_json)
    with sentences(console):
        check_reading(console, reading)
        images = read_source(console, reading, study.wishes.seed)
        say_images(console, images)
        place = reading.out or _beside(reading.source)
        _announce(console, study, images, place)
        outcome = compare(images, study, place, report=console.report)
        facts = outcome_facts(outcome)
        write_json(outcome.folder / "result.json", facts)
        write_comparison(outcome, outcome.folder / "report.html")
        console.say("", *outcome.verdict, *(f"note: {note}" for note in outcome.notes))
        console.say(f"Report: {outcome.folder / 'report.html'}; numbers: {outcome.folder / 'result.json'}")
        console.give(facts | {"report": str(outcome.folder / "report.html")})


def _announce(console: Console, study: Study, images: ImageSet, place: Path) -> None:
    """Say what will be compared, and how long it will take, before it begins."""
    images = subset_of(images, study)
    arms = arms_of(study, images)
    console.say("Arms:", *(f"  {arm.name:<28} {arm.says}" for arm in arms))
    n_fits, n_lengths = len({arm.fit for arm in arms}), len(study.lengths)
    trainings = f"{study.repeats * n_fits * n_lengths} trainings ({study.repeats} repeats)"
    each = f"{study.wishes.steps:,} steps each" if study.wishes.steps else f"{duration(study.wishes.budget)} each"
    console.say(f"{trainings}, {each}, {count_of(study, images):,} images drawn of each, judged in {', '.join(study.judges)}.")
    parts = forecast_study(study, arms, images)
    told = ", ".join(f"{name} {duration(seconds)}" for name, seconds in parts.items() if seconds)
    rest = " and the training steps" if study.wishes.steps else ""
    console.say(f"About {duration(sum(parts.values()))}{rest} in all: {told}.")
    console.say(f"Kept in {place}; after a stop the same command goes on there.")


def _beside(source: Path) -> Path:
    """photos/ -> photos.study in the working directory."""
    name = source.resolve().name or "images"
    for ending in (".zip", ".npz", ".npy", ".gz"):
        name = name.removesuffix(ending)
    return Path(f"{name}.study")
