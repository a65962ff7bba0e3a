"""What the verb evaluate does: an atlas's model, or any generators' images, to scores, a table and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imatlas.app.cli.console import MISUSED, Console, sentences
from imatlas.app.cli.sources import model_of
from imatlas.app.judgement_files import difference_facts, judgement_facts, judgement_table, write_judgement
from imatlas.checks import InputError
from imatlas.evaluation import difference_sentences
from imatlas.features import Extractor
from imatlas.files import is_leftover
from imatlas.recipes import Judgement, Terms, choose_spaces, compare_judgements, evaluate_all, judge_atlas
from imatlas.store import open_atlas

__all__ = ["Giving", "evaluate_atlas", "evaluate_sets", "read_terms"]

MADE_HERE = frozenset({"table.json", "table.csv", "table.md", "report.html", "pairs.png"})


@dataclass(frozen=True)
class Giving:
    """Where a judgement goes: a folder, None for none, and whether all that is said is one JSON object."""

    out: Path | None
    as_json: bool


def read_terms(
    extractors: str,
    make: Callable[[str], Extractor],
    *,
    resolution: int | None,
    count: int | None,
    seed: int,
    keep: Path | None,
    giving: Giving,
) -> Terms:
    """Read the options that decide how images are judged; a wrong one ends the program with a sentence and exit code 2."""
    with sentences(Console(as_json=giving.as_json), code=MISUSED):
        names = tuple(name.strip() for name in extractors.split(",") if name.strip())
        choose_spaces(names, frozenset())
        if giving.out is not None:
            _refuse_foreign(giving.out)
        return Terms(names, resolution, count, seed, keep, make)


def evaluate_atlas(folder: Path, terms: Terms, *, model: str | None, giving: Giving) -> None:
    """An atlas's model to its scores, which the atlas keeps."""
    console = Console(as_json=giving.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        judgement = judge_atlas(
            atlas,
            model_of(atlas, model),
            count=terms.count,
            seed=terms.seed,
            extractors=terms.extractors,
            make=terms.make,
            report=console.report,
        )
        _give(console, [judgement], giving.out)


def evaluate_sets(real: Path, generated: Sequence[Path], terms: Terms, giving: Giving) -> None:
    """Real images and those of generators to scores; the first generator is compared with every other."""
    console = Console(as_json=giving.as_json)
    with sentences(console):
        _give(console, evaluate_all(real, generated, terms, report=console.report), giving.out)


def _give(console: Console, judgements: Sequence[Judgement], out: Path | None) -> None:
    """Say every judgement, write it where it is wanted, and give all as JSON: the first, and the others in its list."""
    names = _names(judgements)
    told = []
    for name, judgement in zip(names, judgements, strict=True):
        _say(console, judgement, name if len(names) > 1 else "")
        told.append({"name": name} | judgement_facts(judgement))
    first = judgements[0]
    for name, judgement, facts in zip(names[1:], judgements[1:], told[1:], strict=True):
        found = compare_judgements(first, judgement)
        said = difference_sentences(found, names=(names[0], name))
        console.say("", f"== {names[0]} against {name}, on the same real images", *said)
        facts["differences"] = {"sentences": list(said), "rows": [difference_facts(one) for one in found]}
    if out is not None:
        places = [out] if len(names) == 1 else [out / f"{row}" for row in range(1, len(names) + 1)]
        rivals = {name: judgement.scores for name, judgement in zip(names, judgements, strict=True)}
        for judgement, place, own in zip(judgements, places, told, strict=True):
            paths = write_judgement(judgement, place, own, rivals)
            console.say(f"In {place}: {', '.join(path.name for path in paths)}")
    console.give(told[0] | {"against": told[1:]})


def _names(judgements: Sequence[Judgement]) -> list[str]:
    """Give a short name to each generator that no other one has."""
    short = [Path(judgement.generated.source).name or "generated" for judgement in judgements]
    return [f"{row} {name}" if short.count(name) > 1 else name for row, name in enumerate(short, start=1)]


def _say(console: Console, judgement: Judgement, name: str) -> None:
    drawn, parts = judgement.generated, judgement.real.parts
    height, width, channels = drawn.shape
    if name:
        console.say("", f"== {name}")
    console.say(
        f"{len(drawn):,} generated images against {len(parts['train']):,} real ones and {len(parts['held_out']):,} held out, "
        f"{height} x {width} {'gray' if channels == 1 else 'colour'}, in the features {', '.join(judgement.real.extractors)}.",
        *([f"Not in {judgement.avoided}, which it was conditioned with."] if judgement.avoided else []),
        *(f"warning: {sentence}" for sentence in judgement.warnings),
        "",
        *judgement.verdict,
        "",
    )
    headings, rows = judgement_table(judgement)
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    block = " "
    for row in (headings, *rows):
        shown = ["" if row[0] == block else row[0], *row[1:]]
        block = row[0]
        console.say("  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True)).rstrip())
    console.say("", *(f"not measured: {sentence}" for sentence in judgement.left_out))


def _refuse_foreign(folder: Path) -> None:
    """Refuse a file, and a folder that holds something else than judgements."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; a judgement goes into a folder. Choose another --out.")
    there = sorted(path.name for path in folder.iterdir() if not is_leftover(path.name))
    foreign = [name for name in there if name not in MADE_HERE and not name.isdecimal()]
    if foreign:
        raise InputError(f"{folder} holds {foreign[0]}, which is no judgement; it was left as it is. Choose another --out.")
