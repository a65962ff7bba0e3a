"""A convolutional network that says how real an image looks, given a vector it should fit.

No normalisation of any kind, since each image is to be scored by itself; the last convolution of every residual block is
zero at the start instead. The vector enters as a projection: score = w h(x) + <h(x), V y> (Miyato & Koyama 2018, "cGANs
with projection discriminator", arXiv 1802.05637; Huang et al. 2024, arXiv 2501.05441, section 3).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from imatlas.networks.convolutions import plan_scales

__all__ = ["Critic"]

HIDDEN = 256
SQUEEZED = 64


class Critic(nn.Module):
    """Images (b, C, H, W) and vectors (b, n_vector) to scores (b,).

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    n_vector : length of the vectors an image should fit.
    width : channels of the finest scale, a multiple of 8; twice as many at the others.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_vector: int, *, width: int = 64) -> None:
        super().__init__()
        widths, side = plan_scales(image_shape, width)
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * image_shape[0], width, 3, padding=1), _Residual(width)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 2, stride=2), _Residual(after)]
        layers += [nn.SiLU(), nn.Conv2d(widths[-1], SQUEEZED, 1), nn.Flatten(), nn.Linear(SQUEEZED * side * side, HIDDEN)]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(HIDDEN, 1)
        self.fit = nn.Linear(n_vector, HIDDEN, bias=False)
        for layer in self.modules():
            # torch's own start lets signals shrink layer by layer; a critic whose scores hardly differ teaches nothing.
            if isinstance(layer, nn.Conv2d | nn.Linear) and bool(layer.weight.any()):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        """Give scores (b,), higher for what looks real and fits its vector."""
        hidden = functional.silu(self.layers(images))
        score = self.score(hidden)[:, 0] + (hidden * self.fit(vectors)).sum(dim=1) / HIDDEN**0.5
        return score.float()


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second(functional.silu(self.first(functional.silu(maps))))
