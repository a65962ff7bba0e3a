"""The recipe's validation: rows kept out of the fit, and scores that follow what is drawn."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from laws.threads import one_thread
from torch import Tensor

from imatlas.features import PrincipalComponents
from imatlas.generators import Vae
from imatlas.images import digits
from imatlas.recipes import fit_manifold, training
from imatlas.recipes.modeling import Model, build_model
from imatlas.recipes.training import train_model
from imatlas.recipes.validating import kept_out, validation_of
from imatlas.training import Plan, Stage

__all__ = ["one_thread"]


@pytest.fixture(scope="module")
def small_digits():
    """360 digits to learn from: images, manifold, the extractor, the rows kept out."""
    images = digits(seed=0)
    images = images.take(images.training_rows[:360])
    extractor = PrincipalComponents().fit(images)
    return images, fit_manifold(images, features="principal_components"), extractor, kept_out(360, seed=0)


def test_one_row_in_twenty_is_kept_out_and_none_where_too_few_would_be_left() -> None:
    assert [len(kept_out(n, 0)) for n in (20, 79, 80, 400, 4_000, 70_000)] == [0, 0, 20, 20, 200, 500]
    rows = kept_out(4_000, 3)
    assert (np.diff(rows) > 0).all()
    assert rows.max() < 4_000
    assert not np.array_equal(rows, kept_out(4_000, 4))


def test_the_score_tells_other_images_from_noise_and_copies_of_one_are_called_a_collapse(small_digits) -> None:
    """Images of the set not kept out score about 0, their negatives far more; one picture over and over is no variety."""
    images, manifold, extractor, rows = small_digits
    others = np.setdiff1d(np.arange(360), rows)
    pictures = {
        "real": images.pixels[others[: len(rows)]],
        "negatives": 255 - images.pixels[others[: len(rows)]],
        "collapsed": np.repeat(images.pixels[others[:1]], len(rows), axis=0),
    }
    model = Vae((1, 8, 8), code_dim=4, width=8)
    found = {
        name: validation_of(lambda _, b, drawn=drawn: drawn[:b], manifold, extractor.rows, rows)(model)
        for name, drawn in pictures.items()
    }
    assert abs(found["real"].score) < 3 * found["real"].error
    assert found["negatives"].score > found["real"].score + 10 * found["real"].error
    assert found["collapsed"].score > found["real"].score
    assert (found["real"].warning, found["negatives"].warning) == ("", "")
    assert "The images drawn are collapsing: they lie less than 20% as far apart" in found["collapsed"].warning


def test_what_ails_a_model_is_said_beside_its_score(small_digits) -> None:
    images, manifold, extractor, rows = small_digits

    class Ailing(Vae):
        def complaint(self, images: Tensor) -> str:
            return f"It aches, by {tuple(images.shape)}."

    found = validation_of(lambda _, b: images.pixels[:b], manifold, extractor.rows, rows)(
        Ailing((1, 8, 8), code_dim=4, width=8)
    )
    assert found.warning == f"It aches, by ({len(rows)}, 1, 8, 8)."


def test_validation_draws_no_image_that_is_judged(monkeypatch) -> None:
    """Judging draws from seed 0 on, 10,000 images at most unless more are asked for."""
    seen: list[int] = []
    blank = SimpleNamespace(pixels=np.zeros((1, 8, 8, 1), np.uint8))
    monkeypatch.setattr(Model, "sample", lambda self, seeds: seen.extend(seeds) or blank)
    model = Model(Vae((1, 8, 8), code_dim=4, width=8), (), "vae")
    training._pixels_of(model, model.generator, 500)
    assert len(set(seen)) == 500
    assert min(seen) > 1_000_000


class Watched(Vae):
    """A VAE without a learned sampler that remembers the images it was trained on."""

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("autoencoder", ("autoencoder",), batch_size=64, learning_rate=2e-3, validated=True),)

    def players(self) -> tuple[str, ...]:
        return ("autoencoder",)

    def loss(self, player, images, codes, generator) -> Tensor:
        SEEN.update(row.tobytes() for row in images.numpy())
        return super().loss(player, images, codes, generator)


SEEN: set[bytes] = set()
PLAN = Plan(steps=24, precision="float32")


@pytest.mark.parametrize("is_from_disk", [False, True])
def test_rows_kept_out_are_never_trained_on_and_score_what_is_drawn(small_digits, is_from_disk: bool) -> None:
    """A manifold that was just learned knows its extractor; to one from disk it comes along."""
    images, manifold, extractor, rows = small_digits
    if is_from_disk:
        manifold = replace(manifold, features=replace(manifold.features, extract=None))
    SEEN.clear()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Model(Watched((1, 8, 8), code_dim=4, width=8), (), "vae")
    reports = list(train_model(model, images, manifold, PLAN, extractor=extractor if is_from_disk else None))
    assert np.isfinite(reports[-1].values["validation"])
    pixels = torch.from_numpy(images.pixels[:, :, :, 0]).float()[:, None] / 127.5 - 1
    seen = np.array([row.tobytes() in SEEN for row in pixels.numpy()])
    assert seen.sum() == 340
    assert not seen[rows].any()


def test_the_prior_and_the_neighborhoods_see_no_row_kept_out(small_digits, monkeypatch) -> None:
    images, manifold, _, rows = small_digits
    seen: list = []
    monkeypatch.setattr(training, "train_prior", lambda prior, *given, folder: seen.extend(given) or ())
    model = build_model(images, manifold, kind="vae", conditions=("neighborhood",))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = replace(model, generator=Watched((1, 8, 8), model.generator.fields, code_dim=4, width=8))
    list(train_model(model, images, manifold, PLAN))
    (neighborhood,), fitted, _ = seen
    assert sorted([*fitted, *rows]) == list(range(360))
    assert not np.isin(neighborhood.neighbors, rows).any()
