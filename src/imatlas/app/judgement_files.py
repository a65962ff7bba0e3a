"""A judgement as values for machines, as a table for people, as a sheet of the closest pairs, and as a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.app.contents import ClosePair, ReportContents
from imatlas.app.interval_words import interval_words
from imatlas.app.report import write_report
from imatlas.app.scoreboard import better_words, shown
from imatlas.evaluation import Difference, score_table
from imatlas.files import content_hash, write_bytes, write_json
from imatlas.pictures import contact_sheet, write_png
from imatlas.recipes import Judgement
from imatlas.values import Codes, ImageSet, Samples, Score

__all__ = ["difference_facts", "judgement_facts", "judgement_table", "write_judgement"]

SHOWN_PAIRS = 20
SHEET_COLUMNS = 10
SIDE_FACTS = ("formats", "sizes", "notes")


def judgement_facts(judgement: Judgement) -> dict[str, object]:
    """Give all of a judgement as JSON values: verdict, warnings, every score with its references, and how it came about."""
    real, scores = judgement.real, judgement.scores
    beside = {(row.name, row.space): dict(row.references) for row in score_table(scores, judgement.references)}
    rows = [
        asdict(score) | {"interval_method": interval_words(score), "references": beside[score.name, score.space]}
        for score in scores
    ]
    return {
        "verdict": list(judgement.verdict),
        "warnings": list(judgement.warnings),
        "scores": rows,
        "left_out": list(judgement.left_out),
        "real": _side(real.images) | {"train": len(real.parts["train"]), "held_out": len(real.parts["held_out"])},
        "generated": _side(judgement.generated),
        "shape": list(real.images.shape),
        "resize": real.resize,
        "spaces": {name: extractor.settings() for name, extractor in real.extractors.items()},
        "avoided": judgement.avoided,
        "fingerprint": real.fingerprint | {"generated": content_hash(judgement.generated.pixels)},
        "made_by": f"imatlas {__version__}",
    }


def difference_facts(difference: Difference) -> dict[str, object]:
    """Give a difference of two generators as JSON values."""
    made = "traced to the same real rows, so that what they share cancels" if difference.is_paired else "two intervals joined"
    more = {name: getattr(difference, name) for name in ("value", "favours", "n_needed")}
    return asdict(difference) | more | {"interval_method": made}


def judgement_table(judgement: Judgement) -> tuple[list[str], list[list[str]]]:
    """Give a judgement as a table for people: the headings, and one row per score and space."""
    names = list(judgement.references)
    headings = ["block", "measure", "space", "value", "95 % interval", "real images", *names, "better", "n"]
    rows = []
    known = {(score.name, score.space): score for score in judgement.scores}
    for row in score_table(judgement.scores, judgement.references):
        score = known[row.name, row.space]

        interval = " to ".join(shown(score, end) for end in row.interval or ())
        floor, *beside = ("" if at is None else shown(score, at) for at in (row.floor, *row.references.values()))
        measured = [row.block, row.name, row.space, shown(score), interval, floor]
        rows.append([*measured, *beside, better_words(score), f"{row.n:,}"])
    return headings, rows


def write_judgement(
    judgement: Judgement, folder: Path, facts: Mapping[str, object], rivals: Mapping[str, Sequence[Score]] | None = None
) -> list[Path]:
    """Write a judgement into a folder: table.json, table.csv, table.md, report.html, and pairs.png where copies were sought.

    Parameters
    ----------
    folder : made if it is not there; what an earlier judgement left there is replaced.
    facts : from `judgement_facts`, with whatever is to stand in table.json beside it.
    rivals : scores by name of all generators that were judged together, for the picture that compares them.
    """
    headings, rows = judgement_table(judgement)
    write_json(folder / "table.json", facts)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([headings, *rows])
    write_bytes(folder / "table.csv", text.getvalue().encode())
    write_bytes(folder / "table.md", _markdown(judgement, headings, rows).encode())
    paths = [folder / name for name in ("table.json", "table.csv", "table.md", "report.html")]
    pairs = _pairs(judgement)
    if pairs:
        sheet = np.stack([image for pair in pairs for image in (pair.generated, pair.training)])
        write_png(folder / "pairs.png", contact_sheet(sheet, SHEET_COLUMNS), {"pairs": [_named(pair) for pair in pairs]})
        paths.append(folder / "pairs.png")
    write_report(replace(_contents(judgement, pairs, facts), rivals=rivals or {}), folder / "report.html")
    return paths


def _side(images: ImageSet) -> dict[str, object]:
    facts: dict[str, object] = {"source": images.source, "images": len(images), "classes": list(images.class_names)}
    facts |= {name: getattr(images, name) for name in SIDE_FACTS}
    return facts | {"rejected": [asdict(one) for one in images.rejected]}


def _pairs(judgement: Judgement) -> list[ClosePair]:
    train, drawn = judgement.real.parts["train"], judgement.generated.pixels
    return [
        ClosePair(
            np.asarray(drawn[pair.generated_row]),
            np.asarray(train.pixels[pair.train_row]),
            pair.ratio,
            str(train.ids[pair.train_row]),
            pair.space,
        )
        for pair in judgement.pairs[:SHOWN_PAIRS]
    ]


def _named(pair: ClosePair) -> dict[str, object]:
    return {"real": pair.training_id, "ratio": round(float(pair.ratio), 4), "space": pair.space}


def _markdown(judgement: Judgement, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"- {sentence}" for sentence in judgement.verdict]
    lines += [f"- Warning: {sentence}" for sentence in judgement.warnings]
    lines += ["", f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(f"- Not measured: {sentence}" for sentence in judgement.left_out)]
    return "\n".join(lines) + "\n"


def _contents(judgement: Judgement, pairs: Sequence[ClosePair], facts: Mapping[str, object]) -> ReportContents:
    generated = judgement.generated
    told = {name: facts[name] for name in ("resize", "spaces", "avoided", "fingerprint")}
    return ReportContents(
        judgement.real.images,
        title=f"{Path(generated.source).name or 'Generated images'} against {Path(judgement.real.images.source).name}",
        verdict=(*judgement.verdict[:1], *(f"Warning: {said}" for said in judgement.warnings), *judgement.verdict[1:]),
        samples=Samples(generated.pixels, Codes({}), 0, generated.source),
        pairs=pairs,
        scores=judgement.scores,
        references=judgement.references,
        settings={"generated": f"{generated.source}, {len(generated):,} images"} | told,
        notes=(*generated.notes, *judgement.left_out),
    )
