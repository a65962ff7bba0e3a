"""What every condition keeps, whatever it asks for."""

import json

import numpy as np
import pytest
from laws.random_state import global_generators_untouched

from imatlas.checks import InputError
from imatlas.conditions import Condition
from imatlas.values import Field

__all__ = ["check_condition"]


def check_condition(condition: Condition, n_rows: int, nonsense: str) -> None:
    """Hold a condition over n training rows to its family's law; `nonsense` is a wish it cannot meet."""
    rows = np.random.default_rng(0).integers(n_rows, size=40)
    with global_generators_untouched():
        codes = condition.codes(rows, np.random.default_rng(1))
        drawn = np.stack([condition.draw(np.random.default_rng([seed, 1])) for seed in range(40)])
    field = condition.field
    assert isinstance(field, Field)
    assert field.name == condition.name
    for values in (codes, drawn):
        assert values.dtype == np.float32
        assert values.shape == (40, field.n_columns)
    assert np.isfinite(drawn).all(), "what is drawn is there"
    assert len(np.unique(drawn, axis=0)) > 1
    np.testing.assert_array_equal(condition.codes(rows, np.random.default_rng(1)), codes)
    np.testing.assert_array_equal(condition.draw(np.random.default_rng([7, 1])), drawn[7])
    if field.kind == "category":
        for values in (codes[np.isfinite(codes)], drawn):
            assert (values == np.rint(values)).all()
            assert values.min() >= 0
            assert values.max() < field.size
    for code in drawn:
        check_words(condition, code)
    with pytest.raises(InputError, match=nonsense.replace(".", r"\.")):
        condition.read(nonsense)
    settings, arrays = condition.pack()
    again = type(condition).unpack(json.loads(json.dumps(settings)), {name: array.copy() for name, array in arrays.items()})
    assert again.field == field
    np.testing.assert_array_equal(again.codes(rows, np.random.default_rng(1)), codes)
    np.testing.assert_array_equal(again.draw(np.random.default_rng([7, 1])), drawn[7])
    assert again.words(drawn[0]) == condition.words(drawn[0])


def check_words(condition: Condition, code: np.ndarray) -> None:
    """Words read back give the code: a category exactly, a vector to a hundredth of its unit spread."""
    words = condition.words(code)
    assert words.isprintable()
    read = condition.read(words)
    assert read.dtype == np.float32
    assert read.shape == code.shape
    np.testing.assert_allclose(read, code, rtol=0, atol=0 if condition.field.kind == "category" else 0.01)
    assert condition.words(read) == words
