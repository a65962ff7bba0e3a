"""DINOv2, trained without labels on 142 million photos: of the common judges the one closest to what people see.

Images are brought to 224 x 224 by an antialiased bicubic; the features are the row of the token that gathers the image.

References
----------
Oquab et al. 2023, arXiv 2304.07193; Stein et al. 2023, "Exposing flaws of generative model evaluation metrics",
arXiv 2306.04675 (which extractor agrees with people).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from imatlas.features.pretrained.base import Pretrained, antialiased, standardised
from imatlas.features.pretrained.vision_transformer import Layout, VisionTransformer
from imatlas.features.pretrained.weights import Published

__all__ = ["DinoV2", "DinoV2Base"]

SIDE = 224
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ADDRESS = "https://dl.fbaipublicfiles.com/dinov2"


class DinoV2(Pretrained):
    """Feature rows of 384 numbers from the smallest published network (ViT-S/14)."""

    name = "dinov2"
    n_features = 384
    resize = "bicubic, antialiased, to 224"
    published = Published(
        "dinov2_vits14_pretrain.pth",
        "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        88,
        f"{ADDRESS}/dinov2_vits14/dinov2_vits14_pretrain.pth",
    )

    def network(self) -> nn.Module:
        """Build the network; its table of positions was made for images of 518 x 518."""
        return VisionTransformer(Layout(self.n_features, patch=14, grid=37))

    def prepared(self, images: Tensor) -> Tensor:
        """Give images of 224 x 224, standardised as the network's were in training."""
        return standardised(antialiased(images, SIDE), MEAN, SPREAD)

    def named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out the token that stood for hidden patches in training."""
        return {name: values for name, values in tensors.items() if name != "mask_token"}


class DinoV2Base(DinoV2):
    """Feature rows of 768 numbers from the next larger network (ViT-B/14), four times as slow."""

    name = "dinov2_base"
    n_features = 768
    published = Published(
        "dinov2_vitb14_pretrain.pth",
        "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
        346,
        f"{ADDRESS}/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
    )
