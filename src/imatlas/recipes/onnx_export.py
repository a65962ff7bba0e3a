"""A generator and its sampler as one ONNX file that programs without Python can run, checked against torch.

The walk of a sampler has a fixed number of steps, so it is unrolled into one graph: noise and codes in, images out. A
row of NaN in a code is an absent field there too. The file is kept only if onnxruntime draws from it what the generator itself
draws from the same seeds.

References
----------
ONNX, "Open neural network exchange: intermediate representation", github.com/onnx/onnx/blob/main/docs/IR.md.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from imatlas import __version__
from imatlas.checks import InputError
from imatlas.generators import Flow, Generator
from imatlas.sampling import noise_of
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["MOST_DIFFERENCE", "export_onnx", "onnx_dials", "require_onnx"]

MOST_DIFFERENCE = 1e-3
"""Largest difference from torch's images in [-1, 1] that is let pass: an eighth of one of 255 levels."""

FEW_STEPS = 4
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
CHECKED = (1, 5)
"""Sizes of the batches that are checked; 3, another one, is what the graph is recorded with."""


def require_onnx() -> None:
    """Refuse to begin without the packages of the extra "onnx".

    Raises
    ------
    InputError
        If one is not installed.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs {', '.join(missing)}, not installed here. Run: pip install {' '.join(missing)}")


def onnx_dials(generator: Generator, dials: Dials = AS_TRAINED) -> Dials:
    """Give the dials an ONNX file is made with: those asked for, few steps for a pixel flow, no diversity, the rest by default.

    Raises
    ------
    InputError
        If the model lacks a dial that is turned, or it is diversity, which ONNX cannot do.
    """
    steps = FEW_STEPS if isinstance(generator, Flow) else None
    usual = Dials(steps=steps, diversity=0.0 if "diversity" in generator.dials else None)
    settled = generator.settle(dials.over(usual))
    if settled.diversity:
        raise InputError(
            f"The dial diversity is {settled.diversity:g}; its noise is seeded image by image, which an ONNX file cannot do. "
            "Export with diversity 0."
        )
    return settled


def export_onnx(generator: Generator, path: Path, dials: Dials = AS_TRAINED) -> float:
    """Write a generator and its sampler as one ONNX file.

    The inputs are `noise` (b, *noise_shape) and one (b, c) per condition field, by its name, rows of NaN absent; the
    output is `images` (b, C, H, W) in [-1, 1]; all float32, b free. What the dials are is in the file's metadata.

    Parameters
    ----------
    generator : a trained one; it is left as it is.
    path : of the file.
    dials : what the sampler in the file is fixed to; see `onnx_dials`.

    Returns
    -------
    The largest difference found between an image of onnxruntime and that of `Generator.sample` from the same seed and codes.

    Raises
    ------
    InputError
        If the extra "onnx" is not installed, a dial cannot be had, or the file does not draw what torch draws; then no
        file is left.
    """
    require_onnx()
    settled = onnx_dials(generator, dials)
    plain = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
    _write(_Drawing(plain, settled), path)
    difference = float(np.max([_difference(plain, settled, path, b) for b in CHECKED]))  # NaN stays NaN
    if not difference <= MOST_DIFFERENCE:
        path.unlink()
        raise InputError(
            f"The ONNX file of this {type(generator).__name__} draws otherwise than torch, by up to {difference:.2g} in "
            f"[-1, 1], where {MOST_DIFFERENCE:g} is let pass; it was not kept. Export without --onnx, or with fewer --steps."
        )
    return difference


class _Sampler(nn.Module):
    """A generator that is called to draw."""

    def __init__(self, generator: Generator, dials: Dials) -> None:
        super().__init__()
        self.generator, self.dials = generator, dials
        self.names = [field.name for field in _fields(generator)]

    def forward(self, noise: Tensor, codes: Sequence[Tensor]) -> Tensor:
        return self.generator.sample(noise, dict(zip(self.names, codes, strict=True)), self.dials)


class _Drawing(nn.Module):
    """Noise and one code per field to images, the weights under numbers.

    Under their own names some would bear that of a field, and the code torch writes for itself cannot use such a word as
    "class". So the sampler is out of its sight, and is lent the numbered weights for each call.
    """

    def __init__(self, generator: Generator, dials: Dials) -> None:
        super().__init__()
        self.held = (_Sampler(generator, dials),)
        self.weights = nn.ParameterList(generator.parameters())

    @property
    def sampler(self) -> _Sampler:
        return self.held[0]

    def forward(self, noise: Tensor, *codes: Tensor) -> Tensor:
        names = [name for name, _ in self.sampler.named_parameters()]
        return functional_call(self.sampler, dict(zip(names, self.weights, strict=True)), (noise, codes))


def _fields(generator: Generator) -> list[Field]:
    """The fields a person can ask for; how images were changed in training is none of them, and absent means not at all."""
    return [field for field in generator.fields if field.kind != "change"]


def _write(drawing: _Drawing, path: Path) -> None:
    from onnx_ir.passes.common import CommonSubexpressionEliminationPass

    generator, dials = drawing.sampler.generator, drawing.sampler.dials
    batch = torch.export.Dim("b")
    given = _inputs(generator, 3, seed=0)
    shapes: dict[str, object] = {"noise": {0: batch}}
    if _fields(generator):
        shapes["codes"] = tuple({0: batch} for _ in _fields(generator))
    with _quietly():
        graph = torch.export.export(drawing, tuple(given.values()), dynamic_shapes=shapes, strict=False)
        program = torch.onnx.export(
            graph, input_names=list(given), output_names=["images"], dynamo=True, optimize=False, verbose=False
        )
        assert program is not None
        # Every step of a walk turns the same weights round; told apart they would be kept once for each step.
        CommonSubexpressionEliminationPass()(program.model)
        program.optimize()
        program.model.metadata_props.update(_notes(generator, dials))
        program.save(path, external_data=False)


def _notes(generator: Generator, dials: Dials) -> dict[str, str]:
    """What a user of the file has to know, as JSON texts by name."""
    return {
        "made_by": f"imatlas {__version__}",
        "dials": json.dumps(dials.chosen()),
        "noise_shape": json.dumps(generator.noise_shape),
        "fields": json.dumps([[field.name, field.kind, field.size] for field in _fields(generator)]),
    }


def _inputs(generator: Generator, b: int, seed: int) -> dict[str, Tensor]:
    """Noise and some codes for b images, every other row of each field absent, in turn."""
    source = torch.Generator().manual_seed(seed)
    given = {"noise": generator.draw_noise(b, source)}
    for place, field in enumerate(_fields(generator)):
        given[field.name] = _code(field, b, source)
        given[field.name][(place + seed) % 2 :: 2] = torch.nan
    return given


def _code(field: Field, b: int, source: torch.Generator) -> Tensor:
    if field.kind == "category":
        return torch.randint(field.size, (b, 1), generator=source).float()
    return torch.randn(b, field.size, generator=source)


def _difference(generator: Generator, dials: Dials, path: Path, b: int) -> float:
    """The largest difference between both ways from seeds 0 to b - 1, with codes, and without any."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    codes = {name: values for name, values in _inputs(generator, b, seed=b).items() if name != "noise"}
    absent = {name: torch.full_like(values, torch.nan) for name, values in codes.items()}
    noise = noise_of(generator, range(b))
    gaps = [0.0]
    for some in (codes, {}):
        inputs = {"noise": noise} | absent | some
        (images,) = session.run(["images"], {name: values.numpy() for name, values in inputs.items()})
        gap = np.abs(images - generator.sample(noise, some, dials).numpy())
        gaps.append(float(gap.max()) if images.shape[0] == b else np.inf)
    return float(np.max(gaps))


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep torch's remarks on packages that are not needed away from the user; its errors still come."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
