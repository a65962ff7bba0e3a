"""Pictures to read in the tests of the images room."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def texture(seed: int, width: int = 32, height: int = 32, channels: int = 3) -> np.ndarray:
    """Give a smooth random picture, uint8 (height, width[, 3]), that no other seed resembles."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    return large if channels == 3 else np.ascontiguousarray(large[..., 0])


def encoded(pixels: np.ndarray, kind: str = "png", **options) -> bytes:
    """Give the bytes of a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def paint(tmp_path) -> Callable[..., Path]:
    """Give a function that writes picture number `seed` under a name in the test's folder."""

    def write(name: str, seed: int, width: int = 32, height: int = 32, channels: int = 3) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(texture(seed, width, height, channels)).save(path)
        return path

    return write


@pytest.fixture(name="texture")
def texture_fixture() -> Callable[..., np.ndarray]:
    return texture


@pytest.fixture(name="encoded")
def encoded_fixture() -> Callable[..., bytes]:
    return encoded
