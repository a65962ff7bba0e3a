"""Images of an arm: one per seed, from its codes and with its dials."""

from __future__ import annotations

import numpy as np
import torch

from imatlas.networks.pixels import to_images
from imatlas.progress import Report, silent
from imatlas.recipes import Model, with_bank
from imatlas.sampling import draw_path, require_code, sample
from imatlas.studies.arms import GUIDABLE, Arm
from imatlas.studies.code_samplers import CODE_SAMPLERS, draw_codes
from imatlas.studies.fits import Ground
from imatlas.values import AS_TRAINED, Codes, Dials

__all__ = ["AUTOGUIDANCE", "draw", "seeds_of"]

AUTOGUIDANCE = 1.5
"""Weight of the guided arms, the same for all."""


def seeds_of(repeat: int, count: int) -> range:
    """Give the seeds that the images of a repeat are drawn from, the same for all arms."""
    return range((repeat - 1) * count, repeat * count)


def draw(model: Model, arm: Arm, ground: Ground, seeds: range, *, report: Report = silent) -> np.ndarray:
    """Give the pixels uint8 (b, H, W, C) of an arm, one image per seed.

    Parameters
    ----------
    model : the trained one of the arm's fit.
    ground : of its repeat; samplers of a VAE's code and codes from a bank need the training images.
    """
    if arm.sampler in CODE_SAMPLERS:
        return _draw_coded(model, arm, ground, seeds)
    dials = Dials(autoguidance=AUTOGUIDANCE if arm.guided else 1.0) if model.kind in GUIDABLE else AS_TRAINED
    if arm.codes_from == "conditions":
        codes = _own_codes(model, seeds)
        return sample(model.generator, codes, seeds, dials, precision=model.precision, report=report).pixels
    if arm.codes_from == "bank":
        model = with_bank(model, ground.images, ground.manifold)
    return model.sample(seeds, dials=dials, codes_from=arm.codes_from, report=report).pixels


def _own_codes(model: Model, seeds: range) -> Codes:
    """Let each condition draw a code for each seed, distributed as in the set."""
    drawn = {
        condition.name: np.stack([condition.draw(np.random.default_rng([seed, 1])) for seed in seeds])
        for condition in model.conditions
    }
    return Codes(drawn)


def _draw_coded(model: Model, arm: Arm, ground: Ground, seeds: range) -> np.ndarray:
    """Draw the codes of a VAE in one of the ways beside its own, and decode them."""
    vae = require_code(model.generator)
    train = to_images(np.asarray(ground.images.pixels[ground.manifold.rows]))
    codes = draw_codes(vae, train, arm.sampler, count=len(seeds), seed=seeds.start)
    with torch.no_grad():
        return draw_path(vae, codes)
