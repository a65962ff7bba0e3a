import numpy as np
import pytest

from imatlas.evaluation import effective_modes, vendi_score
from imatlas.evaluation.intervals import deal_groups
from imatlas.evaluation.modes import _squares, modes_metric


def test_orthogonal_groups_are_counted_by_both_orders():
    groups = 3.0 * np.eye(8).repeat(5, axis=0)
    assert effective_modes(groups) == pytest.approx(8.0)
    assert vendi_score(groups) == pytest.approx(8.0)


def test_equal_rows_are_one_mode_and_orthogonal_rows_n():
    assert effective_modes(np.ones((20, 4))) == pytest.approx(1.0)
    assert vendi_score(np.ones((20, 4))) == pytest.approx(1.0)
    assert vendi_score(np.eye(12)) == pytest.approx(12.0)


def test_the_d_by_d_form_equals_the_gram_form():
    rows = np.random.default_rng(0).normal(size=(30, 10))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    gram = unit @ unit.T
    assert effective_modes(rows) == pytest.approx(900 / np.square(gram).sum())
    shares = np.linalg.eigvalsh(gram / 30).clip(1e-300)
    assert vendi_score(rows) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert vendi_score(rows[:8]) == pytest.approx(vendi_score(np.pad(rows[:8], ((0, 0), (0, 5)))))


def test_a_generator_of_one_kind_of_four_loses_modes(make_trial):
    full, narrow = make_trial(), make_trial(n_kinds=1)
    assert modes_metric(full, "projection").value == pytest.approx(1.0, abs=0.15)
    assert modes_metric(narrow, "projection").value < 0.7


def test_wide_and_tall_rows_give_the_same_effective_modes():
    """|X'X| = |XX'| in the Frobenius norm, so added zero columns change nothing; a wide space must not need d x d tables."""
    unit = np.random.default_rng(0).standard_normal((50, 30))
    groups = deal_groups(50, 20, 0)
    tall, wide = _squares(unit, groups), _squares(np.pad(unit, ((0, 0), (0, 40))), groups)
    np.testing.assert_allclose(tall[0], wide[0])
    np.testing.assert_allclose(tall[1], wide[1])
