"""CLIP's image tower (ViT-B/32), trained to match 400 million images with their captions: a judge of what images are about.

The file is the one of Hugging Face's openai/clip-vit-base-patch32, as old as the model and readable without running code;
OpenAI's own ViT-B-32.pt holds a program. Images are brought to 224 x 224 by an antialiased bicubic; the features are the
projected row that captions are compared with, not brought to unit length.

Reference: Radford et al. 2021, arXiv 2103.00020.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from imatlas.features.pretrained.base import Pretrained, antialiased, standardised
from imatlas.features.pretrained.vision_transformer import Layout, VisionTransformer
from imatlas.features.pretrained.weights import Published

__all__ = ["Clip"]

SIDE = 224
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

TOWER = "vision_model."
UNUSED = "vision_model.embeddings.position_ids"
RENAMED = {
    "embeddings.class_embedding": "cls_token",
    "embeddings.position_embedding.weight": "pos_embed",
    "embeddings.patch_embedding": "patch_embed.proj",
    "pre_layrnorm": "norm_pre",
    "post_layernorm": "norm",
    "encoder.layers.": "blocks.",
    "self_attn.out_proj": "attn.proj",
    "layer_norm": "norm",
}


class Clip(Pretrained):
    """Feature rows of 512 numbers."""

    name = "clip"
    n_features = 512
    resize = "bicubic, antialiased, to 224"
    published = Published(
        "clip-vit-base-patch32.bin",
        "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
        605,
        "https://huggingface.co/openai/clip-vit-base-patch32/resolve/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268/pytorch_model.bin",
        ("pytorch_model.bin",),
    )

    def network(self) -> nn.Module:
        """Build the image tower."""
        return VisionTransformer(Layout(768, patch=32, grid=7, projected=self.n_features))

    def prepared(self, images: Tensor) -> Tensor:
        """Give images of 224 x 224, standardised as the network's were in training."""
        return standardised(antialiased(images, SIDE), MEAN, SPREAD)

    def named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the image tower alone, by the names of `VisionTransformer`; query, key and value become one matrix."""
        named = {"head.weight": tensors["visual_projection.weight"]} if "visual_projection.weight" in tensors else {}
        thirds: dict[str, dict[str, Tensor]] = {}
        for published, values in tensors.items():
            if not published.startswith(TOWER) or published == UNUSED:
                continue
            name = published.removeprefix(TOWER)
            for theirs, ours in RENAMED.items():
                name = name.replace(theirs, ours)
            third = re.fullmatch(r"(.*)self_attn\.([qkv])_proj(.*)", name)
            if third:
                thirds.setdefault(f"{third[1]}attn.qkv{third[3]}", {})[third[2]] = values
            else:
                named[name] = values[None] if name == "pos_embed" else values[None, None] if name == "cls_token" else values
        whole = {name: torch.cat([parts[key] for key in "qkv"]) for name, parts in thirds.items() if set(parts) == set("qkv")}
        return named | whole
