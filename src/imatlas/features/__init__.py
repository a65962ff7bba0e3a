"""Images to feature rows: pixels, principal components, an encoder trained on the set, fixed random convolutions; judges."""

from imatlas.features.base import Extractor
from imatlas.features.encoder import Encoder
from imatlas.features.judges import JUDGES, make_judge, require_judge
from imatlas.features.own_encoder import OwnEncoder
from imatlas.features.pixels import Pixels
from imatlas.features.pretrained import PRETRAINED, Clip, DinoV2, DinoV2Base, Inception
from imatlas.features.principal_components import PrincipalComponents
from imatlas.features.random_convolutions import RandomConvolutions
from imatlas.features.views import mirrors_belong

__all__ = [
    "EXTRACTORS",
    "JUDGES",
    "PRETRAINED",
    "Clip",
    "DinoV2",
    "DinoV2Base",
    "Encoder",
    "Extractor",
    "Inception",
    "OwnEncoder",
    "Pixels",
    "PrincipalComponents",
    "RandomConvolutions",
    "make_judge",
    "mirrors_belong",
    "require_judge",
]

EXTRACTORS: dict[str, type[Extractor]] = {
    "encoder": Encoder,
    "principal_components": PrincipalComponents,
    "pixels": Pixels,
    "random_convolutions": RandomConvolutions,
}
"""What a map can be made of; what a generator can be judged with is in `JUDGES`."""
