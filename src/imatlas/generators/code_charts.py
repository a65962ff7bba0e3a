"""Flat coordinates for codes: where the codes of a set are spread like a normal distribution, likely ones can be recognised.

Codes of a set fill their space unevenly, and what lies between two of them on a straight line is mostly no code of any image. A
chart carries codes c to coordinates w in which they are about normal, N(0, I) in d dimensions; there nearly all lie on a shell
of radius sqrt(d), equally dense all over, and an arc on the shell passes likely codes alone. Two charts: the linear one,
w = L^-1 (c - mean) with L L' the covariance of the codes; and the code flow of a generator, walked back to its noise,
which follows whatever shape the set has. A flow gives back a code only as far as it is likely; what is missing, the rest,
is put back at the ends of a path, where the person's own pictures are, and fades toward its middle.

References
----------
Song, Meng, Ermon 2021, "Denoising diffusion implicit models", arXiv 2010.02502 (arcs between the noises of two images); White
2016, "Sampling generative networks", arXiv 1609.04468 (why straight lines leave the shell).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from imatlas.generators.samplers import UNGUIDED, CodeFlow

__all__ = ["CodeChart", "FlowChart", "Whitening"]


class CodeChart(ABC):
    """Base of charts: codes to flat coordinates and back."""

    @abstractmethod
    def flat(self, codes: Tensor) -> Tensor:
        """Give coordinates (b, d) of codes (b, d)."""

    @abstractmethod
    def codes(self, flat: Tensor) -> Tensor:
        """Give codes (b, d) of coordinates (b, d); differentiable."""


class Whitening(CodeChart):
    """The linear chart of some codes.

    Parameters
    ----------
    codes : (n, d); with few of them the covariance is shrunk (Ledoit & Wolf 2004).
    """

    def __init__(self, codes: np.ndarray) -> None:
        covariance = ledoit_wolf(codes.astype(np.float64))[0]
        floor = 1e-9 * max(np.trace(covariance) / len(covariance), 1e-9)
        self.mean = torch.from_numpy(codes.mean(axis=0, dtype=np.float64))
        self.root = torch.from_numpy(np.linalg.cholesky(covariance + floor * np.eye(len(covariance))))

    def flat(self, codes: Tensor) -> Tensor:
        """Give L^-1 (c - mean)."""
        centred = codes.double() - self.mean
        return torch.linalg.solve_triangular(self.root, centred.T, upper=False).T.float()

    def codes(self, flat: Tensor) -> Tensor:
        """Give L w + mean."""
        return (flat.double() @ self.root.T + self.mean).float()


class FlowChart(CodeChart):
    """The chart of a trained code flow: its noise.

    Parameters
    ----------
    flow : trained; its device is where it works, codes and coordinates stay on the CPU.
    """

    def __init__(self, flow: CodeFlow) -> None:
        self.flow = flow
        self.device = flow.center.device

    def flat(self, codes: Tensor) -> Tensor:
        """Give the noise from which the flow makes about these codes."""
        return self.flow.trace(codes.to(self.device)).cpu()

    def codes(self, flat: Tensor) -> Tensor:
        """Give the codes that the flow makes of this noise."""
        noise = flat.to(self.device)
        return self.flow.draw(noise, {}, torch.zeros_like(noise), torch.ones_like(noise), UNGUIDED).cpu()
