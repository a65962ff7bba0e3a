"""Codes to images, one seed per image; images to the codes a generator has for them, and rows of such codes to frames.

Image i of a batch with seed s is made from seed s + i alone, so any image can be drawn again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from imatlas.checks import InputError
from imatlas.conditions import Condition, NeighborhoodCondition, WordCondition, bank_codes
from imatlas.generators import Generator, NeighborhoodPrior, Vae
from imatlas.networks.pixels import to_images, to_pixels
from imatlas.progress import Progress, Report, silent
from imatlas.training import autocast
from imatlas.values import AS_TRAINED, Codes, Dials, Example, Samples

__all__ = [
    "CODES_FROM",
    "USUAL_CODES_FROM",
    "Draw",
    "choose_codes",
    "draw_path",
    "encode",
    "neighborhoods_of",
    "noise_of",
    "require_code",
    "sample",
    "say_codes",
]

BLOCK = 256
MOST_SEED = 2**32

CODES_FROM = ("none", "labels", "prior", "bank", "labels+prior", "labels+bank")
"""Where codes that were not wished for can come from; see `choose_codes`."""

USUAL_CODES_FROM = "labels+prior"
"""Where they come from when nothing is said."""

Draw = Callable[[Codes, Sequence[int]], np.ndarray]
"""Function: other codes, seeds -> standardised features of neighborhoods (b, m), one row per seed."""

LACKING = {
    "labels": "the model was trained with neither class nor cluster",
    "prior": "the model was trained without neighborhoods",
    "bank": "the training images are not at hand, or the model was trained without neighborhoods",
}


def choose_codes(
    conditions: Sequence[Condition],
    wishes: Mapping[str, str | Example],
    seeds: Sequence[int],
    *,
    codes_from: str = "",
    prior: Draw | None = None,
) -> Codes:
    """Give the codes of a batch: what was wished for, the rest drawn or left open.

    Parameters
    ----------
    conditions : those the generator was trained with.
    wishes : condition name -> words or an example, such as {"cluster": "12"}; any of them together.
    seeds : one per image.
    codes_from : where the other codes come from, one of `CODES_FROM`. "labels" draws the class (without classes the
        cluster) as often as in the set, when nothing is wished for; "prior" and "bank" draw the neighborhood, given all
        other codes, from the small prior or from training rows; "none" leaves everything else open. Empty:
        `USUAL_CODES_FROM`, as far as the model has it and what was wished for leaves it open.
    prior : draws neighborhoods; see `neighborhoods_of`.

    Raises
    ------
    InputError
        If a wish names a condition the generator does not have, or a value the condition does not have, or codes are to
        come from where there are none, or what they would decide was wished for, or a seed lies outside its range.
    """
    _require_seeds(seeds)
    known = {condition.name: condition for condition in conditions}
    for name in wishes:
        if name not in known:
            raise InputError(f"This model was not trained with {name}; it knows: {', '.join(known) or 'no condition'}.")
    ways = _ways(codes_from, known, prior)
    if codes_from:
        _refuse_twofold(ways, wishes)
    fields = {name: np.tile(known[name].meet(wish), (len(seeds), 1)) for name, wish in wishes.items()}
    drawn = next((name for name in ("class", "cluster") if name in known), "") if "labels" in ways and not wishes else ""
    if drawn:
        numbers = [known[drawn].draw(np.random.default_rng([seed, 1])) for seed in seeds]
        fields[drawn] = np.array(numbers, dtype=np.float32).reshape(len(seeds), 1)
    neighborhood = known.get("neighborhood")
    if isinstance(neighborhood, NeighborhoodCondition) and "neighborhood" not in wishes:
        if "bank" in ways:
            fields["neighborhood"] = bank_codes(known, Codes(fields), seeds)
        elif "prior" in ways and prior is not None:
            fields["neighborhood"] = neighborhood.code(prior(Codes(fields), seeds))
    return Codes(fields)


def neighborhoods_of(
    prior: NeighborhoodPrior | None,
    typical: float | None,
    wishes: Collection[str],
    codes_from: str,
    *,
    precision: str = "float32",
) -> Draw | None:
    """Give what draws neighborhoods: the prior of a model if it has one, or no more than its densest share.

    Parameters
    ----------
    precision : of the products, "float32" or "bfloat16".

    Raises
    ------
    InputError
        If a share is asked for and the prior draws nothing.
    """
    if typical in (None, 1):
        return None if prior is None else partial(_neighborhoods, prior, precision, 1.0)
    if prior is None:
        why = LACKING["prior"]
    elif "neighborhood" in wishes:
        why = "the neighborhood was wished for"
    elif codes_from and "prior" not in codes_from:
        why = f"codes come from {codes_from}"
    else:
        return partial(_neighborhoods, prior, precision, typical)
    raise InputError(
        f"The dial typical is {typical:g}, which chooses among neighborhoods that the prior draws, but it draws none: {why}. "
        "Leave the dial at 1, or ask for the density high."
    )


def _neighborhoods(prior: NeighborhoodPrior, precision: str, typical: float, codes: Codes, seeds: Sequence[int]) -> np.ndarray:
    with autocast(prior.device, precision):
        return prior.draw(codes, seeds, typical=typical)


def _ways(codes_from: str, known: Mapping[str, Condition], prior: Draw | None) -> set[str]:
    """Give the ways in which codes are drawn, those that are usual or exactly those asked for."""
    neighborhood = known.get("neighborhood")
    there = {
        "none": True,
        "labels": "class" in known or "cluster" in known,
        "prior": prior is not None,
        "bank": isinstance(neighborhood, NeighborhoodCondition) and neighborhood.has_bank,
    }
    if not codes_from:
        return {way for way in USUAL_CODES_FROM.split("+") if there[way]}
    if codes_from not in CODES_FROM:
        raise InputError(f"Codes cannot come from {codes_from!r}; choose one of: {', '.join(CODES_FROM)}.")
    for way in codes_from.split("+"):
        if not there[way]:
            others = ", ".join(other for other in CODES_FROM if all(there[part] for part in other.split("+")))
            raise InputError(f"Codes cannot come from {way} here: {LACKING[way]}. Choose one of: {others}.")
    return set(codes_from.split("+"))


def _refuse_twofold(ways: Collection[str], wishes: Collection[str]) -> None:
    """Refuse to be told to draw what was wished for already."""
    if "labels" in ways and wishes:
        raise InputError(
            f"Codes come from labels only when nothing is wished for; {', '.join(wishes)} was. Leave that out, or choose "
            "another source: none, prior or bank."
        )
    if "neighborhood" in wishes and not {"prior", "bank"}.isdisjoint(ways):
        raise InputError(
            f"The neighborhood was wished for by a picture; it cannot come from {' and '.join(ways)} too. Leave one out."
        )


def say_codes(
    conditions: Sequence[Condition], wishes: Mapping[str, str | Example], codes: Codes, codes_from: str
) -> list[dict[str, str]]:
    """Say for each image what it was conditioned on: words, the name of an example, or where a drawn code came from."""
    known = {condition.name: condition for condition in conditions}
    said: list[dict[str, str]] = [{} for _ in range(max(map(len, codes.fields.values()), default=0))]
    source = "bank" if "bank" in codes_from else "prior"
    for name, values in codes.fields.items():
        condition, wish = known[name], wishes.get(name)
        for row, code in enumerate(values):
            if isinstance(condition, WordCondition):
                said[row][name] = condition.words(code)
            else:
                said[row][name] = f"picture {wish.name}" if isinstance(wish, Example) else f"drawn from the {source}"
    return said


def sample(
    model: Generator,
    codes: Codes,
    seeds: Sequence[int],
    dials: Dials = AS_TRAINED,
    *,
    precision: str = "float32",
    report: Report = silent,
) -> Samples:
    """Draw one image per seed.

    Parameters
    ----------
    model : a trained generator.
    codes : one row per seed, or no fields for unconditional images.
    seeds : whole numbers in [0, 2^32).
    dials : what is turned; see `Generator.settle`.
    precision : of the products, "float32" or "bfloat16".

    Raises
    ------
    InputError
        If a seed lies outside its range, or a dial is turned that the model does not have.
    ValueError
        If there are not as many codes as seeds.
    """
    for name, values in codes.fields.items():
        if len(values) != len(seeds):
            raise ValueError(f"There are {len(values)} codes of {name} for {len(seeds)} seeds; give one code per seed.")
    _require_seeds(seeds)
    settled = model.settle(dials)
    blocks = []
    for start in range(0, len(seeds), BLOCK):
        rows = range(start, min(start + BLOCK, len(seeds)))
        noise = noise_of(model, seeds[rows.start : rows.stop])
        blocks.append(_draw_pixels(model, noise, codes.take(np.asarray(rows)), settled, precision=precision))
        report(Progress("generate", rows[-1] + 1, len(seeds), 0.0))
    height, width = model.image_shape[1:]
    pixels = np.concatenate(blocks) if blocks else np.zeros((0, height, width, model.image_shape[0]), np.uint8)
    return Samples(pixels, codes, int(seeds[0]) if len(seeds) else 0, source="")


def _require_seeds(seeds: Sequence[int]) -> None:
    """Refuse what is no seed.

    Raises
    ------
    InputError
        If one is not a whole number in [0, 2^32).
    """
    for seed in seeds:
        if not isinstance(seed, int | np.integer):
            raise InputError(f"Seed {seed!r} is no whole number; choose one from 0 to {MOST_SEED - 1}.")
        if not 0 <= seed < MOST_SEED:
            raise InputError(f"Seed {seed} is outside 0 to {MOST_SEED - 1}; choose a seed in that range.")


@torch.no_grad()
def _draw_pixels(model: Generator, noise: Tensor, codes: Codes, dials: Dials, *, precision: str) -> np.ndarray:
    """Give pixels uint8 (b, H, W, C) from noise (b, *noise_shape) and codes."""
    fields = {name: torch.from_numpy(values).to(model.device) for name, values in codes.fields.items()}
    with autocast(model.device, precision):
        return to_pixels(model.sample(noise.to(model.device), fields, dials))


def require_code(model: Generator) -> Vae:
    """Give a generator as one that draws from codes, and gives the code of an image.

    Raises
    ------
    InputError
        If it does not.
    """
    if not isinstance(model, Vae):
        raise InputError(f"A {type(model).__name__} draws from no code; train one with a code, such as latent_flow.")
    return model


@torch.no_grad()
def encode(model: Generator, pixels: np.ndarray) -> np.ndarray:
    """Give the codes float32 (b, code_dim) of pixels uint8 (b, H, W, C).

    Raises
    ------
    InputError
        If this kind of generator has no code of an image.
    """
    coded = require_code(model)
    blocks = [coded.encode(to_images(pixels[i : i + 1024]).to(coded.device)) for i in range(0, len(pixels), 1024)]
    return torch.cat(blocks).cpu().numpy()


@torch.no_grad()
def draw_path(model: Generator, path: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Give the pixels uint8 (frames, H, W, C) of codes (frames, code_dim), with one and the same noise for all frames.

    Frames are drawn in blocks, so that thousands of them fit into the memory of a few hundred.

    Raises
    ------
    InputError
        If this kind of generator draws from no code.
    """
    coded = require_code(model)
    texture = torch.randn(1, coded.texture_dim, generator=torch.Generator().manual_seed(seed)).to(coded.device)
    blocks = torch.from_numpy(path).to(coded.device).split(BLOCK)
    return np.concatenate([to_pixels(coded.decode(block, texture.expand(len(block), -1))) for block in blocks])


def noise_of(model: Generator, seeds: Sequence[int]) -> Tensor:
    """Give the noise (b, *noise_shape) that images are drawn from, each from its seed alone."""
    return torch.cat([model.draw_noise(1, torch.Generator().manual_seed(int(seed))) for seed in seeds])
