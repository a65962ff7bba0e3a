"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets, named by IMATLAS_SHARED_DATA or beside the checkout."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("IMATLAS_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs the real data sets: no folder {folder}; set IMATLAS_SHARED_DATA")
    return folder
