"""Two networks against each other: one draws images in one pass, the other says which of two images is the real one.

The game and its penalties are those of `adversarial.py`. A real image and a drawn one that are compared have the same
codes, and fields are dropped from both alike, so one game teaches every combination of conditions, and none. Of few
images a critic soon knows each by heart; so both sides of each pair are shown changed, in ways whose gradients reach the
drawer, where there are fewer than 20,000 (`networks/critic_augmentation.py`).

References
----------
Goodfellow et al. 2014, arXiv 1406.2661; Huang et al. 2024, "The GAN is dead; long live the GAN!", arXiv 2501.05441;
Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", arXiv 2006.10738.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imatlas.generators.adversarial import (
    FEW_IMAGES,
    Scores,
    critic_loss,
    drawer_loss,
    frozen,
    game,
    outside,
    scores_of,
    silence_of,
)
from imatlas.generators.base import Generator
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.convolutions import Drawer
from imatlas.networks.critic import Critic
from imatlas.training.contract import Stage
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Gan"]

CONDITION = 64
LARGE = 32


class Gan(Generator):
    """Generative adversarial network: one pass per image.

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    fields : condition fields.
    noise_dim : normal numbers per image.
    width : channels of the finest convolutions of both networks, a multiple of 8.
    augment : whether the critic sees images changed; for sets below 20,000 images.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        noise_dim: int = 64,
        width: int = 64,
        augment: bool = False,
    ) -> None:
        super().__init__(image_shape, fields)
        self.noise_dim, self.width, self.augment = noise_dim, width, augment
        self.condition = ConditionEmbedding(fields, CONDITION, timed=False)
        self.drawer = Drawer(self.image_shape, noise_dim + CONDITION, width=width)
        self.judged_condition = ConditionEmbedding(fields, CONDITION, timed=False)
        self.critic = Critic(self.image_shape, CONDITION, width=width)

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float, n_images: int) -> dict[str, object]:
        """Show few images changed."""
        return {"augment": n_images < FEW_IMAGES}

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        return {"noise_dim": self.noise_dim, "width": self.width, "augment": self.augment}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """A short vector."""
        return (self.noise_dim,)

    def players(self) -> tuple[str, ...]:
        """The critic moves first."""
        return ("critic", "drawer")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters one player may change: its network and its own reading of the conditions."""
        parts = (self.critic, self.judged_condition) if player == "critic" else (self.drawer, self.condition)
        return [parameter for part in parts for parameter in part.parameters()]

    def stages(self) -> tuple[Stage, ...]:
        """One game; its best moment is looked for. Large images come in small batches."""
        batch_size = 32 if self.image_shape[1] > LARGE else 64
        return (game(Stage("play", self.players(), batch_size=batch_size, learning_rate=1e-3)),)

    def complaint(self, images: Tensor) -> str:
        """Say if the critic has fallen silent."""
        return silence_of(self.critic, images)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give what one player lowers; see `critic_loss` and `drawer_loss`."""
        kept = drop_fields(codes, generator)
        noise = self.draw_noise(len(images), generator).to(images.device)
        with torch.set_grad_enabled(player == "drawer"):
            drawn = self._draw(noise, kept)
        if player == "critic":
            return critic_loss(self._scores(kept, len(images), generator), images, drawn, generator=generator)
        with frozen(self.critic, self.judged_condition):
            lost = drawer_loss(self._scores(kept, len(images), generator), images, drawn)
        return lost + outside(drawn)

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images in [-1, 1] from noise (b, noise_dim), in one pass."""
        self.settle(dials)
        return self._draw(noise, codes).clamp(-1, 1)

    def _draw(self, noise: Tensor, codes: Mapping[str, Tensor]) -> Tensor:
        return self.drawer(torch.cat([noise, self.condition(codes, noise.shape[0])], dim=1)).float()

    def _scores(self, codes: Mapping[str, Tensor], b: int, generator: torch.Generator) -> Scores:
        return scores_of(self.critic, self.judged_condition(codes, b), generator, changed=self.augment)
