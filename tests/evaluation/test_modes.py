from dataclasses import replace

import numpy as np
import pytest

from imatlas.evaluation import effective_modes, vendi_score
from imatlas.evaluation.intervals import Traced, row_errors
from imatlas.evaluation.judged import compare
from imatlas.evaluation.modes import _effective_modes, _vendi, modes_metric, vendi_metric


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


def test_modes_of_wide_rows_need_no_square_table():
    """Pixels of 64 x 64 colour images would take 1.2 GB; here a table of 30,000 x 30,000 would take 7 GB."""
    rows = np.zeros((12, 30_000))
    rows[:, :12] = np.eye(12)
    assert effective_modes(rows) == pytest.approx(12.0)
    assert vendi_score(rows) == pytest.approx(12.0)


def test_a_generator_of_one_kind_of_four_loses_modes(make_trial):
    full, narrow = make_trial(), make_trial(n_kinds=1)
    assert modes_metric(full, "projection").value == pytest.approx(1.0, abs=0.15)
    assert modes_metric(narrow, "projection").value < 0.7
    assert vendi_metric(full, "projection").value == pytest.approx(1.0, abs=0.15)
    assert vendi_metric(narrow, "projection").interval[1] < 0.9


def shrunk(rows, row):
    """Weigh one row a thousandth less: the derivative by its weight, without a formula."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    weights = np.ones(len(rows))
    weights[row] = 0.999
    return unit * np.sqrt(weights)[:, None], weights.sum()


@pytest.mark.parametrize("shape", [(400, 6), (60, 80)])
def test_a_row_s_influence_is_what_less_of_it_changes(shape, make_trial):
    """Less of a row changes log RKE by -w/n times its influence, to first order in w/n, for tall and for wide rows."""
    trial = make_trial()
    rng = np.random.default_rng(0)
    comparison = replace(compare(trial, "projection"), generated=rng.normal(size=shape) * rng.uniform(0.2, 1, shape[1]))
    counted = _effective_modes(comparison)
    value, influence = counted.modes, counted.influence
    assert value == pytest.approx(effective_modes(comparison.generated))
    assert influence.mean() == pytest.approx(0, abs=1e-9)
    for row in (0, 7):
        rows, n = shrunk(comparison.generated, row)
        change = np.log(1 / np.square(rows.T @ rows / n).sum()) - np.log(value)
        assert change == pytest.approx(-0.001 / n * influence[row], rel=0.1)
    counted = _vendi(comparison)
    value, influence = counted.modes, counted.influence
    assert value == pytest.approx(vendi_score(comparison.generated))
    assert influence.mean() == pytest.approx(0, abs=1e-9)
    if shape[1] < shape[0]:
        rows, n = shrunk(comparison.generated, 3)
        shares = np.linalg.eigvalsh(rows.T @ rows / n)
        change = -(shares * np.log(shares)).sum() - np.log(value)
        assert change == pytest.approx(-0.001 / n * influence[3], rel=0.1)


@pytest.mark.parametrize("count", [_effective_modes, _vendi])
@pytest.mark.parametrize("scales", [np.ones(12), np.linspace(0.3, 1.5, 12)])
def test_the_error_is_that_of_repeated_draws_with_and_without_equal_eigenvalues(count, scales, make_trial):
    """Equal eigenvalues are a maximum: influences are noise there. 80 draws know a standard deviation to 8 %."""
    whole = compare(make_trial(), "projection")
    rng = np.random.default_rng(0)
    found = [count(replace(whole, generated=rng.normal(size=(150, 12)) * scales)) for _ in range(80)]
    traced = [Traced(0.0, 0.0, row_errors(f.influence), shared_pairs=f.pairs) for f in found]
    spread = np.std(np.log([f.modes for f in found]))
    assert np.mean([t.error for t in traced]) == pytest.approx(spread, rel=0.3)


def test_many_dimensions_and_rows_are_counted_on_some_of_the_rows(monkeypatch, make_trial):
    monkeypatch.setattr("imatlas.evaluation.modes.LARGEST_SPECTRUM", 7)
    score = vendi_metric(make_trial(), "projection")
    assert score.details["rows_counted"] == 7
    assert score.value == pytest.approx(1.0, abs=0.4)
