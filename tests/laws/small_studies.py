"""Studies that are quick to train and judge."""

import pytest

from imatlas.generators import CodeFlow
from imatlas.studies import judging

__all__ = ["few_metrics"]


@pytest.fixture(scope="module", autouse=True)
def few_metrics():
    """What is measured, and how well, plays no part here: a few quick metrics and a small flow stand for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "METRICS", ("kernel_distance", "coverage", "copy_rate"))
        patch.setattr(judging, "COPY_METRICS", ("copy_rate",))
        patch.setattr(CodeFlow, "width", 16)
        patch.setattr(CodeFlow, "depth", 1)
        yield
