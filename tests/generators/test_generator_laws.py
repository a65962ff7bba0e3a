"""Every generator and every latent sampler under its family's law."""

from pathlib import Path

import pytest
from laws import generators as laws

from imatlas.generators import GENERATORS, SAMPLERS, CodeFlow, Flow, Gan, Generator, LatentFlow, Vae

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def small_code_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CodeFlow, "width", 32)
    monkeypatch.setattr(CodeFlow, "depth", 2)
    monkeypatch.setattr(CodeFlow, "steps", 4)


def patch_of(image_shape: tuple[int, int, int]) -> int:
    return image_shape[1] // 2


MEMBERS = {
    "latent_flow": lambda shape, fields: LatentFlow(shape, fields, code_dim=4, width=8, texture_dim=3, critic_width=8),
    "latent_flow, augmented": lambda shape, fields: LatentFlow(
        shape, fields, code_dim=4, width=8, texture_dim=3, critic_width=8, augment=True
    ),
    "vae": lambda shape, fields: Vae(shape, fields, code_dim=4, width=8),
    "gan": lambda shape, fields: Gan(shape, fields, noise_dim=4, width=8),
    "gan, augmented": lambda shape, fields: Gan(shape, fields, noise_dim=4, width=8, augment=True),
    "flow": lambda shape, fields: Flow(shape, fields, patch=patch_of(shape), width=32, depth=1, turned={"steps": 5}),
    "vae, normal": lambda shape, fields: Vae(shape, fields, code_dim=4, width=8, sampler=SAMPLERS["normal"]),
    "vae, mixture": lambda shape, fields: Vae(shape, fields, code_dim=4, width=8, sampler=SAMPLERS["mixture"]),
    "flow, guided": lambda shape, fields: Flow(
        shape, fields, patch=4, width=64, depth=1, few_steps=False, turned={"steps": 3, "guidance": 2.0}
    ),
    "flow, few": lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1, turned={"steps": 2}),
    "flow, unet": lambda shape, fields: Flow(shape, fields, network="unet", width=16, depth=1, turned={"steps": 5}),
}
every_member = pytest.mark.parametrize("build", MEMBERS.values(), ids=MEMBERS)


def test_every_generator_stands_here() -> None:
    assert set(GENERATORS) <= set(MEMBERS)
    for name, kind in GENERATORS.items():
        assert type(MEMBERS[name](SHAPE, laws.FIELDS)) is kind
        assert issubclass(kind, Generator)


@every_member
def test_stages_share_the_budget_among_all_players(build) -> None:
    laws.check_stages(build(SHAPE, laws.FIELDS))


@every_member
def test_each_loss_reaches_its_player_and_nobody_else(build) -> None:
    laws.check_losses(laws.made(build, SHAPE))


@every_member
def test_samples_are_images_that_repeat_and_stand_alone(build) -> None:
    laws.check_samples(laws.made(build, SHAPE))


@every_member
def test_an_absent_field_is_a_field_of_nan(build) -> None:
    laws.check_absent_fields(laws.made(build, SHAPE))


@every_member
def test_settings_and_weights_make_the_same_generator(build, tmp_path: Path) -> None:
    laws.check_rebuilding(build, SHAPE, tmp_path)


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_take_images_of_every_shape(name: str, channels: int, size: int) -> None:
    laws.check_images_of_every_shape(MEMBERS[name], (channels, size, size))


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("size", [12, 20, 36, 44, 60])
def test_generators_take_every_multiple_of_four(name: str, size: int) -> None:
    laws.check_images_of_every_shape(MEMBERS[name], (1, size, size))


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("shape", [(1, 8, 12), (1, 10, 10)])
def test_other_shapes_are_refused_in_words(name: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"generators want square ones with a side divisible by 4\. Read them with --resol"):
        MEMBERS[name](shape, ())


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_latent_samplers_keep_their_law(sampler) -> None:
    laws.check_sampler(sampler(4, laws.FIELDS))
