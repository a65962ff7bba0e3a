"""What every condition keeps, whatever it asks for.

A condition that has words gives a code back from its own words. The code of a feature row has none: it is asked for by an
example, and the law holds instead that the same row gives the same code, whatever rows come with it.
"""

import json

import numpy as np
import pytest
from laws.random_state import global_generators_untouched

from imatlas.checks import InputError
from imatlas.conditions import Condition, FeatureCondition, WordCondition
from imatlas.values import Example, Field

__all__ = ["check_condition", "check_examples", "check_reading"]


def check_condition(condition: Condition, n_rows: int) -> None:
    """Hold a condition over n training rows to the law of all conditions."""
    rows = np.random.default_rng(0).integers(n_rows, size=40)
    with global_generators_untouched():
        codes = condition.codes(rows, np.random.default_rng(1))
        drawn = some_drawn(condition)
    field = condition.field
    assert isinstance(field, Field)
    assert field.name == condition.name
    assert condition.steers
    assert condition.lacking
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
    again = stored(condition)
    assert again.field == field
    if condition.keeps_rows:
        np.testing.assert_array_equal(again.codes(rows, np.random.default_rng(1)), codes)
        np.testing.assert_array_equal(again.draw(np.random.default_rng([7, 1])), drawn[7])
    else:
        assert sum(np.size(array) for array in condition.pack()[1].values()) < n_rows * field.n_columns
        with pytest.raises(RuntimeError, match=f"This {condition.name} came from disk, without its training rows"):
            again.codes(rows, np.random.default_rng(1))


def check_reading(condition: WordCondition, nonsense: str) -> None:
    """Words read back give the code: a category exactly, a vector to a hundredth of its unit spread.

    `nonsense` is a wish it cannot meet; an example is another.
    """
    for code in some_drawn(condition):
        words = condition.words(code)
        assert words.isprintable()
        read = condition.read(words)
        assert read.dtype == np.float32
        assert read.shape == code.shape
        np.testing.assert_allclose(read, code, rtol=0, atol=0 if condition.field.kind == "category" else 0.01)
        assert condition.words(read) == words
        np.testing.assert_array_equal(condition.meet(words), read)
        assert stored(condition).words(read) == words
    with pytest.raises(InputError, match=repr(nonsense).replace(".", r"\.")):
        condition.read(nonsense)
    with pytest.raises(InputError, match=r"asked for in words, not by the picture x\.png"):
        condition.meet(Example(np.zeros(3, np.float32), "x.png"))


def check_examples(condition: FeatureCondition, features: np.ndarray) -> None:
    """The same feature row gives the same code: alone, in company, from disk; words give none.

    Alone and in company the same sums run in another order: 1e-4 of codes of unit size.
    """
    codes = condition.code_of(features[:30])
    assert codes.dtype == np.float32
    assert codes.shape == (30, condition.field.n_columns)
    assert np.isfinite(codes).all()
    assert len(np.unique(codes, axis=0)) == 30
    np.testing.assert_array_equal(stored(condition).code_of(features[:30]), codes)
    for row in range(5):
        np.testing.assert_allclose(condition.meet(Example(features[row], "x.png")), codes[row], atol=1e-4)
    with pytest.raises(InputError, match=r"asked for by a picture, not by the words '3'"):
        condition.meet("3")


def some_drawn(condition: Condition) -> np.ndarray:
    """Forty codes drawn by the condition, each from a seed of its own."""
    return np.stack([condition.draw(np.random.default_rng([seed, 1])) for seed in range(40)])


def stored(condition: Condition) -> Condition:
    """The condition as it comes back from disk."""
    settings, arrays = condition.pack()
    return type(condition).unpack(json.loads(json.dumps(settings)), {name: array.copy() for name, array in arrays.items()})
