"""ONNX files of every family draw what torch draws, and one that does not is not kept."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from laws.generators import FIELDS, made, some_codes

from imatlas.checks import InputError
from imatlas.generators import GENERATORS, CodeFlow, Generator, MixtureSampler
from imatlas.recipes import onnx_export
from imatlas.recipes.onnx_export import MOST_DIFFERENCE, PACKAGES, export_onnx, onnx_dials
from imatlas.values import Dials, Field

SMALL = {
    "vae": {"width": 8, "code_dim": 4},
    "latent_flow": {"width": 8, "code_dim": 4},
    "flow": {"patch": 4, "width": 32, "depth": 1},
    "gan": {"width": 8},
}
CASES = [
    ("vae", {"sampler": MixtureSampler}, Dials()),
    ("latent_flow", {}, Dials()),
    ("flow", {}, Dials(steps=1)),
    ("flow", {"few_steps": False}, Dials(steps=2, guidance=1.5)),
    ("gan", {}, Dials()),
]

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PACKAGES),
    reason="the extra onnx is not installed: scripts/setup dev",
)


def small(kind: str, **settings: object) -> Generator:
    """A tiny network of a family, with weights that matter; a flow is told how images were changed, as for small sets."""
    fields = (*FIELDS, Field("augmentation", "change", 4)) if kind == "flow" else FIELDS
    return made(lambda shape, fields: GENERATORS[kind](shape, fields, **{**SMALL[kind], **settings}), (1, 8, 8), fields)


@pytest.fixture(autouse=True)
def _short_walks(monkeypatch):
    monkeypatch.setattr(CodeFlow, "steps", 1)


@needs_onnx
def test_every_family_is_tried():
    assert {kind for kind, _, _ in CASES} == set(GENERATORS)


@needs_onnx
@pytest.mark.parametrize(("kind", "settings", "dials"), CASES, ids=["vae", "latent flow", "few steps", "guided flow", "gan"])
def test_an_onnx_file_draws_what_torch_draws_for_any_batch_with_fields_present_and_absent(tmp_path, kind, settings, dials):
    """The largest difference allowed is that of the export itself; sums run in another order, which is about 1e-6."""
    import onnxruntime

    model, path = small(kind, **settings), tmp_path / "model.onnx"
    before = {name: values.clone() for name, values in model.state_dict().items()}
    assert export_onnx(model, path, dials) <= MOST_DIFFERENCE
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for b in (1, 5):
        noise, given = model.draw_noise(b, torch.Generator().manual_seed(b)), some_codes(b, seed=b)
        lone = {name: torch.full_like(values, torch.nan) if name == "class" else values for name, values in given.items()}
        mixed = {name: values.clone() for name, values in given.items()}
        for values in mixed.values():
            values[::2] = torch.nan
        for codes in (given, lone, mixed):
            inputs = {name: values.numpy() for name, values in ({"noise": noise} | codes).items()}
            (images,) = session.run(["images"], inputs)
            np.testing.assert_allclose(
                images, model.sample(noise, codes, onnx_dials(model, dials)), rtol=0, atol=MOST_DIFFERENCE
            )
    weights = sum(values.numel() * values.element_size() for values in model.parameters())
    assert path.stat().st_size < weights + 200_000, "no weight is kept once for every step"
    notes = session.get_modelmeta().custom_metadata_map
    assert json.loads(notes["dials"]) == onnx_dials(model, dials).chosen()
    assert json.loads(notes["fields"]) == [["class", "category", 3], ["map_place", "vector", 2]]


@needs_onnx
def test_a_file_that_draws_otherwise_than_torch_is_refused_and_not_kept(tmp_path, monkeypatch):
    """What is recorded draws a little brighter than the generator itself, which is what it must be held against."""
    forward, model = onnx_export._Sampler.forward, small("gan")
    monkeypatch.setattr(onnx_export._Sampler, "forward", lambda self, noise, codes: forward(self, noise, codes) + 0.01)
    with pytest.raises(InputError, match="draws otherwise than torch, by up to"):
        export_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "PACKAGES", ("onnx_of_the_moon",))
    with pytest.raises(InputError, match=r"needs onnx_of_the_moon.*Run: pip install onnx_of_the_moon"):
        export_onnx(small("gan"), tmp_path / "model.onnx")


def test_a_pixel_flow_leaves_with_few_steps_and_without_diversity():
    model = small("flow")
    assert onnx_dials(model).steps == 4
    assert onnx_dials(model, Dials(steps=6)).steps == 6
    with pytest.raises(InputError, match="Export with diversity 0"):
        onnx_dials(model, Dials(steps=6, diversity=0.5))
    with pytest.raises(InputError, match="has no dial"):
        onnx_dials(small("vae", sampler=MixtureSampler), Dials(steps=3))
