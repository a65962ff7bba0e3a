"""Extractors that come trained, as judges: published weights, checked by their hash, in networks written here."""

from imatlas.features.pretrained.base import Pretrained
from imatlas.features.pretrained.clip import Clip
from imatlas.features.pretrained.dinov2 import DinoV2, DinoV2Base
from imatlas.features.pretrained.inception import Inception
from imatlas.features.pretrained.weights import Published, fetch_weights

__all__ = ["PRETRAINED", "Clip", "DinoV2", "DinoV2Base", "Inception", "Pretrained", "Published", "fetch_weights"]

PRETRAINED: dict[str, type[Pretrained]] = {kind.name: kind for kind in (Inception, DinoV2, DinoV2Base, Clip)}
