"""Random convolutions to judge with: of few images no direction is dropped that new ones might vary along.

Directions that were chosen by the spread of n images hold more of the spread of those images than of others, the more so the
fewer images chose them; a perfect generator then seems to lack variety and to lie too near the surface of real images. Below
50 images for each direction all are kept, which turns the statistics and favours nobody.
"""

from __future__ import annotations

from imatlas.features.random_convolutions import KEPT, RandomConvolutions

__all__ = ["ROWS_PER_DIRECTION", "WholeConvolutions"]

ROWS_PER_DIRECTION = 50


class WholeConvolutions(RandomConvolutions):
    """Feature rows of 128 numbers, or of all 512 where fewer than 6,400 images were fitted.

    Parameters
    ----------
    seed : of the filters.
    """

    def n_kept(self, n_images: int, n_directions: int) -> int:
        """Give how many directions are kept of those that were found."""
        return KEPT if n_images >= ROWS_PER_DIRECTION * KEPT else n_directions

    def settings(self) -> dict[str, object]:
        """Give the constructor's arguments, and how many images each direction needs."""
        return super().settings() | {"rows_per_direction": ROWS_PER_DIRECTION}
