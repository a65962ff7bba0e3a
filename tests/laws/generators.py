"""What every generator and every latent sampler keeps, whatever its mathematics."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from laws.random_state import global_generators_untouched
from torch import Tensor, nn

from imatlas.generators import Generator, LatentSampler, Vae
from imatlas.store import ModelFolder
from imatlas.values import Field

__all__ = [
    "FIELDS",
    "check_absent_fields",
    "check_images_of_every_shape",
    "check_losses",
    "check_rebuilding",
    "check_sampler",
    "check_samples",
    "check_stages",
    "made",
    "some_codes",
    "some_images",
]

FIELDS = (Field("class", "category", 3), Field("map_place", "vector", 2))

Build = Callable[[tuple[int, int, int], Sequence[Field]], Generator]


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Move every parameter a little: fresh networks are zero at their end and would pass any law."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in module.parameters():
            values += 0.05 * torch.randn(values.shape, generator=generator)
    return module


def some_images(b: int, image_shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    """Random images float32 (b, C, H, W) in [-1, 1]."""
    return torch.rand(b, *image_shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def some_codes(b: int, seed: int = 0) -> dict[str, Tensor]:
    """Codes of `FIELDS` for b images."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(3, (b, 1), generator=generator).float()
    return {"class": numbers, "map_place": torch.randn(b, 2, generator=generator)}


def made(build: Build, image_shape: tuple[int, int, int], fields: Sequence[Field] = FIELDS) -> Generator:
    """Build a generator with weights that matter and a sampler that has seen codes."""
    model = shaken(build(image_shape, fields)).eval()
    images = some_images(64, image_shape, seed=1)
    for stage in model.stages():
        model.begin(stage.name, images)
        model.keep_snapshot(stage.name, model)
    if isinstance(model, Vae):
        model.finish(images)
    return model


def check_stages(model: Generator) -> None:
    """Stages name players of the model, cover them all, and share the whole budget."""
    stages, players = model.stages(), model.players()
    assert abs(sum(stage.share for stage in stages) - 1) < 1e-9
    assert len({stage.name for stage in stages}) == len(stages), "resume tells stages apart by number, people by name"
    assert all(stage.share > 0 and stage.batch_size > 0 and stage.learning_rate > 0 and stage.players for stage in stages)
    assert {player for stage in stages for player in stage.players} == set(players)
    for stage in stages:
        moved = [id(values) for player in stage.players for values in model.player_parameters(player)]
        assert len(set(moved)) == len(moved), "no parameter is moved by two players of a stage"
    owned = [id(values) for player in players for values in model.player_parameters(player)]
    free = {id(values) for values in model.parameters() if values.requires_grad}
    assert set(owned) == free, "every parameter that is not frozen belongs to a player"


def check_losses(model: Generator) -> None:
    """Each loss is a finite scalar, repeats with its noise, and its gradient reaches its player and nobody else."""
    images, codes = some_images(6, model.image_shape), some_codes(6)
    before = images.clone(), {name: values.clone() for name, values in codes.items()}
    model.train()
    for player in model.players():
        model.zero_grad(set_to_none=True)
        with global_generators_untouched():
            loss = model.loss(player, images, codes, torch.Generator().manual_seed(1))
            again = model.loss(player, images, codes, torch.Generator().manual_seed(1))
            other = model.loss(player, images, codes, torch.Generator().manual_seed(2))
        assert loss.shape == ()
        assert torch.isfinite(loss)
        assert torch.equal(loss, again)
        assert not torch.equal(loss, other)
        loss.backward()
        own = {id(values) for values in model.player_parameters(player)}
        for name, values in model.named_parameters():
            assert (values.grad is not None) == (id(values) in own), f"{name} under the loss of {player}"
            assert values.grad is None or torch.isfinite(values.grad).all()
        moved = [bool(values.grad.any()) for values in model.player_parameters(player) if values.grad is not None]
        assert np.mean(moved) > 0.8, "some may wait for a rare code"
        all_absent = {name: torch.full_like(values, torch.nan) for name, values in codes.items()}
        model.zero_grad(set_to_none=True)
        model.loss(player, images, all_absent, torch.Generator().manual_seed(1)).backward()
        assert all(values.grad is None or torch.isfinite(values.grad).all() for values in model.parameters())
    model.zero_grad(set_to_none=True)
    model.eval()
    assert torch.equal(images, before[0])
    assert all(torch.equal(values, before[1][name]) for name, values in codes.items())


def check_samples(model: Generator) -> None:
    """Samples are images, repeat bit for bit, follow noise and codes, and no row depends on its company.

    Alone and in a batch the same sums run in another order; through a few network evaluations that is about 1e-6 of
    the range [-1, 1], 1e-4 is allowed, a hundredth of one of 255 levels.
    """
    b = 5
    with global_generators_untouched():
        noise, codes = model.draw_noise(b, torch.Generator().manual_seed(3)), some_codes(b)
        images = model.sample(noise, codes)
    assert noise.shape == (b, *model.noise_shape)
    assert images.shape == (b, *model.image_shape)
    assert images.dtype == torch.float32
    assert not images.requires_grad
    assert torch.isfinite(images).all()
    assert float(images.abs().max()) <= 1
    assert torch.equal(model.sample(noise.clone(), {name: values.clone() for name, values in codes.items()}), images)
    for row in range(b):
        alone = model.sample(noise[row : row + 1], {name: values[row : row + 1] for name, values in codes.items()})
        assert float((alone[0] - images[row]).abs().max()) <= 1e-4
    assert not torch.allclose(model.sample(model.draw_noise(b, torch.Generator().manual_seed(4)), codes), images, atol=1e-3)
    many, codes = model.draw_noise(200, torch.Generator().manual_seed(5)), some_codes(200)
    other = {"class": (codes["class"] + 1) % 3, "map_place": codes["map_place"] + 1}
    assert not torch.equal(model.sample(many, other), model.sample(many, codes)), "the condition matters"


def check_absent_fields(model: Generator) -> None:
    """A field that is not given is a field of NaN, for all rows or for some; a model without codes is unconditional."""
    b = 4
    noise, codes = model.draw_noise(b, torch.Generator().manual_seed(3)), some_codes(b)
    missing = {name: torch.full_like(values, torch.nan) for name, values in codes.items()}
    free = model.sample(noise, {})
    assert torch.equal(model.sample(noise, missing), free)
    for name in codes:
        others = {other: values for other, values in codes.items() if other != name}
        assert torch.equal(model.sample(noise, codes | {name: missing[name]}), model.sample(noise, others))
    mixed = {name: values.clone() for name, values in codes.items()}
    for values in mixed.values():
        values[::2] = torch.nan
    drawn, given = model.sample(noise, mixed), model.sample(noise, codes)
    torch.testing.assert_close(drawn[::2], free[::2], rtol=0, atol=1e-4)
    torch.testing.assert_close(drawn[1::2], given[1::2], rtol=0, atol=1e-4)


def check_rebuilding(build: Build, image_shape: tuple[int, int, int], folder: Path) -> None:
    """Settings (JSON) build the same network again, and saved weights make the same images, bit for bit."""
    model = made(build, image_shape)
    settings = json.loads(json.dumps(model.settings()))
    again = type(model).rebuild(image_shape, FIELDS, settings).eval()
    assert again.settings() == model.settings()
    model.settings().clear()
    assert model.settings() == again.settings(), "settings are told, not handed out"
    kept = ModelFolder(folder)
    kept.save_weights(model.state_dict())
    again.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in kept.load_weights().items()})
    noise, codes = model.draw_noise(3, torch.Generator().manual_seed(3)), some_codes(3)
    assert torch.equal(again.sample(noise, codes), model.sample(noise, codes))


def check_images_of_every_shape(build: Build, image_shape: tuple[int, int, int]) -> None:
    """Losses and samples exist for this image shape, with condition fields and without."""
    for fields in (FIELDS, ()):
        model = made(build, image_shape, fields)
        codes: Mapping[str, Tensor] = some_codes(2) if fields else {}
        for player in model.players():
            assert torch.isfinite(model.loss(player, some_images(2, image_shape), codes, torch.Generator().manual_seed(1)))
        images = model.sample(model.draw_noise(2, torch.Generator().manual_seed(3)), codes)
        assert images.shape == (2, *image_shape)
        assert float(images.abs().max()) <= 1


def check_sampler(sampler: LatentSampler) -> None:
    """A latent sampler repeats, keeps rows apart, and reads absent as NaN; its state is all it needs.

    Rows alone and in company: the same sums in another order, 1e-4 of codes of unit size.
    """
    code = torch.randn(200, sampler.code_dim, generator=torch.Generator().manual_seed(1)) * 2 + 1
    shaken(sampler)
    with global_generators_untouched():
        sampler.fit(code)
        noise, codes = torch.randn(6, sampler.noise_dim, generator=torch.Generator().manual_seed(2)), some_codes(6)
    mean, spread = torch.zeros(6, sampler.code_dim), torch.ones(6, sampler.code_dim)
    with torch.no_grad():
        drawn = sampler.draw(noise, codes, mean, spread)
        assert drawn.shape == (6, sampler.code_dim)
        assert torch.isfinite(drawn).all()
        assert torch.equal(sampler.draw(noise, codes, mean, spread), drawn)
        for row in range(6):
            one = {name: values[row : row + 1] for name, values in codes.items()}
            alone = sampler.draw(noise[row : row + 1], one, mean[:1], spread[:1])
            torch.testing.assert_close(alone[0], drawn[row], rtol=0, atol=1e-4)
        missing = {name: torch.full_like(values, torch.nan) for name, values in codes.items()}
        assert torch.equal(sampler.draw(noise, missing, mean, spread), sampler.draw(noise, {}, mean, spread))
        twin = type(sampler)(sampler.code_dim, sampler.fields)
        twin.load_state_dict(sampler.state_dict())
        assert torch.equal(twin.draw(noise, codes, mean, spread), drawn)
    if sampler.learned:
        loss = sampler.loss(code, some_codes(200), torch.Generator().manual_seed(3))
        assert loss.shape == ()
        assert torch.isfinite(loss)
    else:
        with pytest.raises(RuntimeError, match="has no loss; train the autoencoder alone"):
            sampler.loss(code, {}, torch.Generator())
