"""The verb that draws new images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imatlas.app.cli.asking import read_wishes
from imatlas.app.cli.console import MISUSED, Console, read_seeds, sentences
from imatlas.app.cli.sources import source_of
from imatlas.checks import InputError
from imatlas.pictures import refuse_others, refuse_taken, samples_to_folder, samples_to_npz
from imatlas.values import Dials

__all__ = ["Batch", "generate"]

USUAL_COUNT = 64


@dataclass(frozen=True)
class Batch:
    """What is to be drawn, as it was asked for.

    Parameters
    ----------
    wishes : condition name -> what was given for it; see `read_wishes`.
    turned : dials by name.
    count, seed : how many images, from which seed on; None where not given.
    seeds : seeds such as 0,4-6 in the place of both.
    codes_from : where what was not wished for comes from; see `choose_codes`.
    """

    wishes: Mapping[str, str]
    turned: Mapping[str, float]
    count: int | None = None
    seed: int | None = None
    seeds: str | None = None
    codes_from: str = ""

    def numbers(self) -> list[int]:
        """Give one seed per image.

        Raises
        ------
        InputError
            If the seeds cannot be read, or are named in two ways.
        """
        if self.seeds is None:
            first, count = self.seed or 0, self.count or USUAL_COUNT
            return list(range(first, first + count))
        twofold = [name for name, given in {"--count": self.count, "--seed": self.seed}.items() if given is not None]
        if twofold:
            raise InputError(
                f"--seeds {self.seeds} came with {' and '.join(twofold)}; it names every image by itself. "
                "Give --seeds alone, or leave it out."
            )
        return read_seeds(self.seeds)


def generate(folder: Path, batch: Batch, *, out: Path | None, model: str | None, as_json: bool) -> None:
    """A model to new images."""
    console = Console(as_json=as_json)
    with sentences(console):
        with sentences(console, code=MISUSED):
            dials, seeds = Dials(**batch.turned), batch.numbers()  # type: ignore[arg-type]
        source = source_of(console, folder, model, with_images="bank" in batch.codes_from)
        drawn_with = source.model
        asked = read_wishes(batch.wishes, source.features_of, drawn_with.conditions)
        place = out or source.samples
        if place.suffix == ".npz":
            refuse_taken(place)
        else:
            refuse_others(place)
        samples = drawn_with.sample(seeds, asked, dials, codes_from=batch.codes_from, report=console.report)
        if place.suffix == ".npz":
            samples_to_npz(samples, place)
        else:
            samples_to_folder(samples, place)
        console.say(f"{len(samples):,} images from {drawn_with.name} are in {place}")
        console.give({"count": len(samples), "out": str(place), "model": drawn_with.name, "seeds": seeds})
