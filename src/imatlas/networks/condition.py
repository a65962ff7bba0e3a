"""One vector for everything a network is conditioned on: time and any of the optional fields.

Each field has its own encoder (a table for categories, a two-layer network on random Fourier features for vectors) and a
learned "absent" vector; the condition is their sum. Which fields are present is decided here and nowhere else: a field
that is not given, or whose row is NaN, is absent; in training each field is dropped at random, so that one network
serves every combination of fields and is its own unconditional branch (Ho & Salimans 2022, arXiv 2207.12598). How an
image was changed is no choice of anybody's: that field is never dropped, and where it is not given there was no change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imatlas.training.augmentation import AUGMENTATION
from imatlas.values import Field

__all__ = ["ConditionEmbedding", "drop_fields", "present_rows"]


def drop_fields(codes: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Make fields absent at random, row by row, as training wants it.

    Parameters
    ----------
    codes : name -> float32 (b, c).
    generator : source of randomness.

    Returns
    -------
    The same fields; rows of a field that was dropped are NaN; what says how images were changed stays. Each row draws a
    share u uniform in [0, 1] and drops each of its fields with probability u, so that all fields, one alone, and none are
    each met often.
    """
    if not codes:
        return {}
    b = len(next(iter(codes.values())))
    device = next(iter(codes.values())).device
    share = torch.rand(b, 1, generator=generator)
    dropped = {}
    for name, values in codes.items():
        if name == AUGMENTATION.name:
            dropped[name] = values
            continue
        absent = (torch.rand(b, 1, generator=generator) < share).to(device)
        dropped[name] = torch.where(absent, torch.full_like(values, torch.nan), values)
    return dropped


def present_rows(values: Tensor) -> Tensor:
    """Say in which rows of a field's values (b, c) the field is present: bool (b, 1), false where any number is NaN."""
    return torch.isfinite(values).all(dim=1, keepdim=True)


class ConditionEmbedding(nn.Module):
    """Condition vector of width d from optional fields and, if asked for, a time in [0, 1].

    Parameters
    ----------
    fields : what may be given.
    width : length d of the condition vector.
    timed : whether `forward` takes a time.
    """

    def __init__(self, fields: Sequence[Field], width: int, *, timed: bool = True) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.width = width
        self.encoders = nn.ModuleDict({field.name: _encoder(field, width) for field in self.fields})
        may_lack = [field.name for field in self.fields if field.kind != "change"]
        self.absent = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name in may_lack})
        self.time = _FourierMlp(1, width, scale=4.0) if timed else None
        self.base = nn.Parameter(torch.zeros(width))

    def forward(self, codes: Mapping[str, Tensor], b: int, time: Tensor | None = None) -> Tensor:
        """Give the condition vectors.

        Parameters
        ----------
        codes : name -> (b, c), NaN rows absent.
        b : batch size.
        time : (b,) in [0, 1], for a timed embedding.

        Returns
        -------
        (b, d)
        """
        total = self.base.expand(b, -1)
        if self.time is not None and time is not None:
            total = total + self.time(time[:, None])
        for field in self.fields:
            values = codes.get(field.name)
            if field.kind == "change":
                if values is not None:
                    total = total + self.encoders[field.name](torch.where(present_rows(values), values, 0.0))
                continue
            if values is None:
                total = total + self.absent[field.name]
                continue
            present = present_rows(values)
            encoded = self.encoders[field.name](torch.where(present, values, 0.0))
            total = total + torch.where(present, encoded, self.absent[field.name])
        return total


class _Table(nn.Module):
    """One learned vector per category."""

    def __init__(self, n_categories: int, width: int) -> None:
        super().__init__()
        self.rows = nn.Embedding(n_categories, width)
        nn.init.normal_(self.rows.weight, std=0.02 * math.sqrt(width))

    def forward(self, values: Tensor) -> Tensor:
        return self.rows(values[:, 0].long())


class _FourierMlp(nn.Module):
    """A small network on fixed random Fourier features of a few numbers."""

    frequencies: Tensor

    def __init__(self, n_inputs: int, width: int, *, scale: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(n_inputs)
        frequencies = torch.randn(n_inputs, 32, generator=generator) * scale
        self.register_buffer("frequencies", frequencies)
        self.layers = nn.Sequential(nn.Linear(n_inputs + 64, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, values: Tensor) -> Tensor:
        angles = values @ self.frequencies  # (b, 32)
        return self.layers(torch.cat([values, angles.sin(), angles.cos()], dim=1))


def _encoder(field: Field, width: int) -> nn.Module:
    if field.kind == "change":
        return nn.Linear(field.size, width, bias=False)
    if field.kind == "category":
        return _Table(field.size, width)
    # A vector of unit spread has the length sqrt(size): the waves must be as slow for long vectors as for short ones.
    return _FourierMlp(field.size, width, scale=1 / math.sqrt(field.size))
