"""Inception v3 as the Fréchet Inception distance is defined by: the network of TensorFlow's 2015 release, its quirks kept.

Its averages over 3 x 3 fields leave out what lies beyond the border, the last block takes maxima where it should average, and
images come to 299 x 299 by TensorFlow 1's bilinear rule, which starts its grid at the corner and does not smooth before
it reduces: pixel i of n is read at i * n_in / n. The features are the 2,048 averages before the classifier ("pool3").
Weights: the conversion that pytorch-fid and torch-fidelity share; input and resizing are those of torch-fidelity.

References
----------
Szegedy et al. 2016, "Rethinking the inception architecture", arXiv 1512.00567; Heusel et al. 2017, arXiv 1706.08500;
Parmar et al. 2022, "On aliased resizing", arXiv 2104.11222.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from imatlas.features.pretrained.base import Pretrained
from imatlas.features.pretrained.weights import Published

__all__ = ["Inception", "InceptionNetwork", "resize_as_tensorflow"]

SIDE = 299

Kernel = int | tuple[int, int]
Step = tuple[int, Kernel]
"""Channels and kernel of a convolution."""
Way = tuple[str, Sequence[Step | Sequence[Step]]]
"""A name and convolutions one after another; the last step may be two convolutions side by side."""


class Inception(Pretrained):
    """Feature rows of 2,048 numbers, those of the Fréchet Inception distance."""

    name = "inception"
    n_features = 2048
    resize = "bilinear as in TensorFlow 1, without smoothing, to 299"
    published = Published(
        "pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        96,
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        ("weights-inception-2015-12-05-6726825d.pth",),
    )

    def network(self) -> nn.Module:
        """Build the network up to its last average."""
        return InceptionNetwork()

    def prepared(self, images: Tensor) -> Tensor:
        """Give images of 299 x 299, (x - 128) / 128."""
        return (resize_as_tensorflow(images, SIDE) - 128) / 128

    def named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out the classifier."""
        return {name: values for name, values in tensors.items() if not name.startswith("fc.")}


def resize_as_tensorflow(images: Tensor, side: int) -> Tensor:
    """Give images (b, C, side, side) of images (b, C, H, W) by the bilinear rule of TensorFlow 1 (align_corners off)."""
    for axis in (3, 2):
        size = images.shape[axis]
        # As TensorFlow does, the ratio is a float32 and so is its product with a position.
        places = torch.arange(side, dtype=torch.float32, device=images.device) * torch.tensor(size / side, device=images.device)
        low = places.long().clamp(max=size - 1)
        share = (places - low).view(-1, *[1] * (3 - axis))
        first, second = images.index_select(axis, low), images.index_select(axis, (low + 1).clamp(max=size - 1))
        images = first + (second - first) * share
    return images


class InceptionNetwork(nn.Module):
    """Images (b, 3, 299, 299) in [-1, 1] to features (b, 2048); names as in the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, 3, padding=0)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, 3, padding=0)
        for name, before, pooled in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
            self.add_module(f"Mixed_{name}", _Mixed(before, _fives(), pooled=pooled))
        self.Mixed_6a = _Reducing(288, [("3x3", [(384, 3)]), ("3x3dbl", [(64, 1), (96, 3), (96, 3)])])
        for name, inner in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
            self.add_module(f"Mixed_{name}", _Mixed(768, _sevens(inner), pooled=192))
        squeezed: Way = ("7x7x3", [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)])
        self.Mixed_7a = _Reducing(768, [("3x3", [(192, 1), (320, 3)]), squeezed])
        self.Mixed_7b = _Mixed(1280, _split(), pooled=192)
        self.Mixed_7c = _Mixed(2048, _split(), pooled=192, of_maxima=True)

    def forward(self, images: Tensor) -> Tensor:
        """Give features (b, 2048)."""
        maps = images
        for name, layer in self.named_children():
            maps = layer(maps)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                maps = functional.max_pool2d(maps, 3, stride=2)
        return maps.mean(dim=(2, 3))


class _Convolution(nn.Module):
    """Convolution without bias, normalised, rectified; the border is padded where the size is kept."""

    def __init__(self, before: int, after: int, kernel: Kernel, *, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        around = (height // 2, width // 2) if stride == 1 and padding is None else (0, 0)
        self.conv = nn.Conv2d(before, after, (height, width), stride=stride, padding=around, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(maps)), inplace=True)


class _Ways(nn.Module):
    """Several ways through convolutions, named branch3x3 or branch3x3_1, branch3x3_2a, ... as in the published weights.

    Parameters
    ----------
    before : channels that come in.
    ways : the convolutions of each way.
    stride : of the last convolution of each way.
    """

    def __init__(self, before: int, ways: Sequence[Way], *, stride: int = 1) -> None:
        super().__init__()
        self.plan: list[list[list[str]]] = []
        for name, steps in ways:
            channels, plan = before, []
            for place, step in enumerate(steps, start=1):
                beside: Sequence[Step] = [step] if isinstance(step[0], int) else step  # type: ignore[assignment, list-item]
                number = "" if len(steps) == 1 else f"_{place}"
                names = [f"branch{name}{number}{letter if len(beside) > 1 else ''}" for letter, _ in zip("ab", beside)]
                for own, (after, kernel) in zip(names, beside, strict=True):
                    self.add_module(own, _Convolution(channels, after, kernel, stride=stride if place == len(steps) else 1))
                channels = sum(after for after, _ in beside)
                plan.append(names)
            self.plan.append(plan)

    def through(self, maps: Tensor) -> list[Tensor]:
        """Give what comes out of each way."""
        results = []
        for plan in self.plan:
            way = maps
            for names in plan:
                way = torch.cat([self.get_submodule(name)(way) for name in names], dim=1)
            results.append(way)
        return results


class _Mixed(_Ways):
    """Ways that keep the size, and one over averages (or maxima) of 3 x 3 fields."""

    def __init__(self, before: int, ways: Sequence[Way], *, pooled: int, of_maxima: bool = False) -> None:
        super().__init__(before, ways)
        self.of_maxima = of_maxima
        self.branch_pool = _Convolution(before, pooled, 1)

    def forward(self, maps: Tensor) -> Tensor:
        if self.of_maxima:
            fields = functional.max_pool2d(maps, 3, stride=1, padding=1)
        else:
            fields = functional.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
        return torch.cat([*self.through(maps), self.branch_pool(fields)], dim=1)


class _Reducing(_Ways):
    """Ways that halve the size, and the maxima of 3 x 3 fields as they are."""

    def __init__(self, before: int, ways: Sequence[Way]) -> None:
        super().__init__(before, ways, stride=2)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([*self.through(maps), functional.max_pool2d(maps, 3, stride=2)], dim=1)


def _fives() -> list[Way]:
    return [("1x1", [(64, 1)]), ("5x5", [(48, 1), (64, 5)]), ("3x3dbl", [(64, 1), (96, 3), (96, 3)])]


def _sevens(inner: int) -> list[Way]:
    along, across = (1, 7), (7, 1)
    once: Way = ("7x7", [(inner, 1), (inner, along), (192, across)])
    twice: Way = ("7x7dbl", [(inner, 1), (inner, across), (inner, along), (inner, across), (192, along)])
    return [("1x1", [(192, 1)]), once, twice]


def _split() -> list[Way]:
    both: list[Step] = [(384, (1, 3)), (384, (3, 1))]
    once: Way = ("3x3", [(384, 1), both])
    twice: Way = ("3x3dbl", [(448, 1), (384, 3), both])
    return [("1x1", [(320, 1)]), once, twice]
