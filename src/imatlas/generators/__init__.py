"""Generators behind one contract: VAE with a choice of latent samplers, pixel flow, latent flow with sharp drafts."""

from imatlas.generators.base import Generator
from imatlas.generators.flow import Flow
from imatlas.generators.latent_flow import LatentFlow
from imatlas.generators.neighborhood_prior import NeighborhoodPrior
from imatlas.generators.samplers import SAMPLERS, CodeFlow, LatentSampler, MixtureSampler, NormalSampler
from imatlas.generators.vae import Vae

__all__ = [
    "GENERATORS",
    "SAMPLERS",
    "CodeFlow",
    "Flow",
    "Generator",
    "LatentFlow",
    "LatentSampler",
    "MixtureSampler",
    "NeighborhoodPrior",
    "NormalSampler",
    "Vae",
]

GENERATORS: dict[str, type[Generator]] = {"latent_flow": LatentFlow, "vae": Vae, "flow": Flow}
