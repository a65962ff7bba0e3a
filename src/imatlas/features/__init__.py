"""Images to feature rows: pixels, principal components, an encoder trained on the set, fixed random convolutions."""

from imatlas.features.base import Extractor
from imatlas.features.encoder import Encoder
from imatlas.features.pixels import Pixels
from imatlas.features.principal_components import PrincipalComponents
from imatlas.features.random_convolutions import RandomConvolutions
from imatlas.features.views import mirrors_belong

__all__ = ["EXTRACTORS", "Encoder", "Extractor", "Pixels", "PrincipalComponents", "RandomConvolutions", "mirrors_belong"]

EXTRACTORS: dict[str, type[Extractor]] = {
    "encoder": Encoder,
    "principal_components": PrincipalComponents,
    "pixels": Pixels,
    "random_convolutions": RandomConvolutions,
}
