"""The 1,797 handwritten digits that come with scikit-learn: a real image set that needs no file and no network."""

from __future__ import annotations

import numpy as np

from imatlas.images.split import split_images
from imatlas.values import ImageSet

__all__ = ["digits"]


def digits(*, held_out: float = 0.1, seed: int = 0) -> ImageSet:
    """Give the digits as an image set.

    Parameters
    ----------
    held_out : share of the images to hold out.
    seed : of that choice.

    Returns
    -------
    1,797 images, uint8 (1797, 8, 8, 1); the source's 0 to 16 become 0 to 255. Ten classes.

    References
    ----------
    E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.

    Examples
    --------
    >>> digits().shape
    (8, 8, 1)
    """
    # Loaded here so that reading other sets does not wait for scikit-learn.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    images = ImageSet(
        pixels,
        ids=np.array([f"digits#{row:04d}" for row in range(len(pixels))]),
        labels=bunch.target,
        class_names=tuple(str(name) for name in bunch.target_names),
        source="digits",
        notes=("Resolution 8: the images' own size.",),
    )
    return split_images(images, held_out, seed)
