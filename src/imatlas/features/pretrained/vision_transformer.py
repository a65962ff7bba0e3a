"""The vision transformer of DINOv2 and of CLIP's image tower, which differ in little: one network, its names DINOv2's.

An image becomes a row of patches, each a token; a further token gathers what the image shows, and its row is the feature.
Positions are a learned table, laid out on a grid; for another grid they are interpolated as DINOv2 does it.

References
----------
Dosovitskiy et al. 2021, arXiv 2010.11929; Radford et al. 2021, arXiv 2103.00020; Oquab et al. 2023, arXiv 2304.07193.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Layout", "VisionTransformer"]

HEAD = 64
"""Numbers of an attention head, in all published sizes."""


@dataclass(frozen=True)
class Layout:
    """Sizes of a vision transformer.

    Parameters
    ----------
    width : numbers of a token, a multiple of 64.
    patch : side of a patch in pixels.
    grid : side of the table of positions, in patches.
    depth : number of blocks.
    projected : length of CLIP's feature row; 0 = DINOv2. CLIP normalises before its blocks and projects after them, has
        no scale for the steps of a block and no bias of its patches, and rectifies with x * sigmoid(1.702 x).
    """

    width: int
    patch: int
    grid: int
    depth: int = 12
    projected: int = 0


class VisionTransformer(nn.Module):
    """Images (b, 3, H, W), sides multiples of the patch, to features (b, width or projected)."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        width, is_clip = layout.width, layout.projected > 0
        self.grid = layout.grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + layout.grid**2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, layout.patch, stride=layout.patch, bias=not is_clip)})
        self.norm_pre = _norm(width, is_clip=True) if is_clip else nn.Identity()
        self.blocks = nn.Sequential(*(_Block(width, is_clip=is_clip) for _ in range(layout.depth)))
        self.norm = _norm(width, is_clip=is_clip)
        self.head = nn.Linear(width, layout.projected, bias=False) if is_clip else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Give the features of standardised images."""
        patches = self.patch_embed["proj"](images)  # (b, width, h, w)
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        tokens = self.norm_pre(tokens + self._positions(patches.shape[-1]))
        return self.head(self.norm(self.blocks(tokens)[:, 0]))

    def _positions(self, side: int) -> Tensor:
        """Positions (1, 1 + side^2, width) of another grid than the table's."""
        if side == self.grid:
            return self.pos_embed
        table = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        # The tenth is part of the published network: the ratio, and with it every place that is read, comes out larger.
        ratio = (side + 0.1) / self.grid
        placed = functional.interpolate(table, scale_factor=(ratio, ratio), mode="bicubic").flatten(2).transpose(1, 2)
        return torch.cat([self.pos_embed[:, :1], placed], dim=1)


class _Block(nn.Module):
    """Attention, then a layer of four times the width; each adds to what came in."""

    def __init__(self, width: int, *, is_clip: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = (_norm(width, is_clip=is_clip) for _ in range(2))
        self.attn = _Attention(width)
        self.ls1, self.ls2 = (nn.Identity() if is_clip else _Scale(width) for _ in range(2))
        self.mlp = _Widened(width, is_clip=is_clip)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class _Attention(nn.Module):
    """Every token looks at all others, 64 numbers at a time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        b, t, width = tokens.shape
        q, k, v = self.qkv(tokens).view(b, t, 3, width // HEAD, HEAD).permute(2, 0, 3, 1, 4)  # (b, h, t, 64) each
        return self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, width))


class _Widened(nn.Module):
    def __init__(self, width: int, *, is_clip: bool) -> None:
        super().__init__()
        self.is_clip = is_clip
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        wide = self.fc1(tokens)
        return self.fc2(wide * torch.sigmoid(1.702 * wide) if self.is_clip else functional.gelu(wide))


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


def _norm(width: int, *, is_clip: bool) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=1e-5 if is_clip else 1e-6)
