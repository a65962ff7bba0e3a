"""A flow in the code space of a VAE whose decoder is made sharp by a critic.

The code flow decides what an image shows, cheaply, in a few dozen numbers. A VAE's decoder draws the mean of all images
with nearly that code, and is therefore blurred; so after the autoencoder has settled, its decoder goes on alone, with
some noise beside the code for what the code leaves open, against a critic that knows the code:
with z ~ q(z | x), y = G(z, e) and u = D(x, z) - D(y, z) the critic lowers softplus(-u) and penalties, the decoder
softplus(u) + a |x - y|^2 / d. Each image is compared with its own reconstruction, which keeps all of the set in sight,
and the code keeps its meaning, so flow and encoder stay as they are. Drawing is one pass of the decoder.

References
----------
Lipman et al. 2023, arXiv 2210.02747 (the flow); Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
metric", arXiv 1512.09300 (a critic for a VAE's decoder); Huang et al. 2024, arXiv 2501.05441 (the game).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imatlas.generators.adversarial import (
    FEW_IMAGES,
    clamped,
    critic_loss,
    drawer_loss,
    frozen,
    game,
    outside,
    scores_of,
    silence_of,
)
from imatlas.generators.samplers import CodeFlow
from imatlas.generators.vae import Vae
from imatlas.networks.convolutions import Drawer
from imatlas.networks.critic import Critic
from imatlas.training.contract import Stage
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["LatentFlow"]

LARGE = 32
ANCHOR = 40.0
TEXTURE_START = 0.3


class LatentFlow(Vae):
    """VAE, code flow and a sharp decoder as one generator.

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    fields : condition fields.
    code_dim : length of the code.
    width : channels of the autoencoder's first convolution.
    texture_dim : normal numbers beside the code, for what the code leaves open.
    critic_width : channels of the critic's first convolution.
    augment : whether the critic sees images changed, real and drawn alike; for sets below 20,000 images.
    """

    spread: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        code_dim: int = 24,
        width: int = 64,
        texture_dim: int = 16,
        critic_width: int = 64,
        augment: bool = False,
    ) -> None:
        super().__init__(image_shape, fields, code_dim=code_dim, width=width, sampler=CodeFlow)
        self.texture_dim, self.critic_width, self.augment = texture_dim, critic_width, augment
        self.drawer = Drawer(self.image_shape, code_dim + texture_dim, width=width)
        self.critic = Critic(self.image_shape, code_dim, width=critic_width)
        self.register_buffer("spread", torch.ones(code_dim))

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float, n_images: int) -> dict[str, object]:
        """Choose the code's length; show the critic few images changed."""
        return super().sizes_for(image_shape, dimension, n_images) | {"augment": n_images < FEW_IMAGES}

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        chosen = {"code_dim": self.code_dim, "width": self.width}
        return {**chosen, "texture_dim": self.texture_dim, "critic_width": self.critic_width, "augment": self.augment}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Normal numbers for the code, then those of the texture."""
        return (self.sampler.noise_dim + self.texture_dim,)

    def players(self) -> tuple[str, ...]:
        """The autoencoder, its sampler, the critic; the decoder is the autoencoder's, and moves on as a player of its own."""
        return ("autoencoder", "sampler", "critic", "decoder")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters one player may change."""
        if player == "critic":
            return list(self.critic.parameters())
        if player == "decoder":
            return list(self.drawer.parameters())
        return super().player_parameters(player)

    def stages(self) -> tuple[Stage, ...]:
        """The autoencoder; the code flow on its codes; critic and decoder. Large images come in small batches."""
        batch_size = 64 if self.image_shape[1] > LARGE else 128
        sharpen = Stage("sharpen", ("critic", "decoder"), 0.5, batch_size=batch_size // 2, learning_rate=2e-3, paces=(1.0, 0.5))
        return (
            Stage("autoencoder", ("autoencoder",), 0.3, batch_size=batch_size, learning_rate=2e-3),
            Stage("code flow", ("sampler",), 0.2, batch_size=128, learning_rate=2e-3),
            game(sharpen),
        )

    @torch.no_grad()
    def begin(self, stage: str, images: Tensor) -> None:
        """Look at the codes; before sharpening give the texture, which the autoencoder did without, a small influence."""
        super().begin(stage, images)
        if stage == "sharpen":
            mean, log_variance = self.posterior_of_many(images)
            self.spread.copy_((mean.var(0, correction=0) + log_variance.exp().mean(0)).sqrt())
            weight = self.drawer.first.weight
            normal = torch.randn(len(weight), self.texture_dim, generator=torch.Generator().manual_seed(len(weight)))
            weight[:, self.code_dim :] = TEXTURE_START * weight[:, : self.code_dim].std() * normal.to(weight.device)

    def complaint(self, images: Tensor) -> str:
        """Say if the critic has fallen silent."""
        return silence_of(self.critic, images)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the loss of one player; critic and decoder see random codes of the images."""
        if player not in ("critic", "decoder"):
            return super().loss(player, images, codes, generator)
        with torch.no_grad():
            code = self.draw_posterior(images, generator)
        texture = torch.randn(len(images), self.texture_dim, generator=generator).to(code.device)
        scores = scores_of(self.critic, code / self.spread, generator, changed=self.augment)
        with torch.set_grad_enabled(player == "decoder"):
            drawn = self.draw(code, texture)
        if player == "critic":
            return critic_loss(scores, images, drawn, generator=generator)
        apart = (clamped(drawn) - images).square().mean() + 0.1 * outside(drawn)
        with frozen(self.critic):
            return drawer_loss(scores, images, drawn) + ANCHOR * apart

    def draw(self, code: Tensor, texture: Tensor | None = None) -> Tensor:
        """Give unbounded images of codes (b, code_dim) and texture noise (b, texture_dim), none = none of it."""
        if texture is None:
            texture = code.new_zeros(code.shape[0], self.texture_dim)
        return self.drawer(torch.cat([code, texture], dim=1)).float()

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images from noise (b, *noise_shape): the flow makes it a code, the decoder an image."""
        code_noise, texture = noise.split([self.sampler.noise_dim, self.texture_dim], dim=1)
        return self.decode(self.draw_code(code_noise, codes, self.settle(dials)), texture)
