"""Generators behind one contract: VAE, latent flow with a sharp decoder, pixel flow, GAN."""

from imatlas.generators.base import Generator
from imatlas.generators.flow import Flow
from imatlas.generators.gan import Gan
from imatlas.generators.latent_flow import LatentFlow
from imatlas.generators.neighborhood_prior import NeighborhoodPrior
from imatlas.generators.samplers import SAMPLERS, CodeFlow, LatentSampler, MixtureSampler, NormalSampler
from imatlas.generators.vae import Vae

__all__ = [
    "GENERATORS",
    "SAMPLERS",
    "CodeFlow",
    "Flow",
    "Gan",
    "Generator",
    "LatentFlow",
    "LatentSampler",
    "MixtureSampler",
    "NeighborhoodPrior",
    "NormalSampler",
    "Vae",
]

GENERATORS: dict[str, type[Generator]] = Generator.families
GENERATORS |= {"latent_flow": LatentFlow, "vae": Vae, "flow": Flow, "gan": Gan}
