"""Cost told beforehand: every method has one, it grows as the work does, and what cannot fit is said."""

import numpy as np
import pytest
from scipy import sparse

from imatlas import MapWishes, forecast
from imatlas.checks import InputError
from imatlas.images import read_matrix
from imatlas.manifold import CLUSTERINGS, EMBEDDINGS
from imatlas.recipes import forecast_rows, forecasting, refuse_too_large
from imatlas.recipes.costs import CONSTANTS, STEPS


@pytest.fixture(autouse=True)
def a_machine(monkeypatch):
    """A machine of known speed, so that nothing is timed."""
    monkeypatch.setattr(forecasting, "machine_speed", lambda: {"products": 1e11, "gathers": 2e9, "sorts": 1e8})


def test_every_map_and_clustering_has_a_known_cost():
    assert set(EMBEDDINGS) | set(CLUSTERINGS) <= set(STEPS)
    assert set(STEPS) == set(CONSTANTS)


def test_seconds_are_the_constant_times_the_work_over_the_speed():
    steps = {step.step: step.seconds for step in forecast(1000, 20, geodesics=True).steps}
    work = 1000.0**2 * 300 / 1e11
    assert steps["exact neighbors"] == pytest.approx(0.02 + CONSTANTS["exact neighbors"] * work)
    assert list(steps) == ["exact neighbors", "geometry", "landmark geodesics", "neighbor_map", "density_clusters", "trust"]


@pytest.mark.parametrize("embedding", EMBEDDINGS)
@pytest.mark.parametrize("clustering", [*CLUSTERINGS, "none"])
def test_more_rows_cost_more_time_and_memory(embedding, clustering):
    costs = [forecast(n, 64, embedding=embedding, clustering=clustering) for n in (1_000, 10_000, 100_000, 1_000_000)]
    assert np.all(np.diff([cost.seconds for cost in costs]) > 0)
    assert np.all(np.diff([cost.memory for cost in costs]) > 0)
    assert costs[-1].seconds == sum(step.seconds for step in costs[-1].steps)


def test_a_faster_machine_is_told_less_time(monkeypatch):
    slow = forecast(50_000, 100).seconds
    monkeypatch.setattr(forecasting, "machine_speed", lambda: {"products": 1e12, "gathers": 2e10, "sorts": 1e9})
    assert forecast(50_000, 100).seconds < slow / 8


def test_rows_are_forecast_as_they_will_be_mapped():
    dense = forecast_rows(read_matrix(np.eye(40)), MapWishes(embedding="spectral_map", clustering="none"))
    assert [step.step for step in dense.steps] == ["exact neighbors", "geometry", "spectral_map", "trust"]
    thin = forecast_rows(read_matrix(sparse.random(40, 900, 0.05, random_state=0)), MapWishes())
    assert thin.steps[0].step == "sparse neighbors"
    assert (thin.n, thin.d) == (40, 900)


def test_a_forecast_reads_as_a_sentence():
    words = str(forecast(70_000, 784))
    assert words.startswith("70,000 x 784: inverted lists ")
    assert "neighbor map " in words
    assert " in all, " in words
    assert words.endswith("GB of memory")


def test_too_little_memory_is_said_and_refused_only_when_certain(monkeypatch):
    cost = forecast(70_000, 784)
    for share, answer in ((2.0, ""), (0.9, "It may end for want of memory"), (None, "")):
        monkeypatch.setattr(forecasting, "available_memory", lambda share=share: share and share * cost.memory)
        assert answer in refuse_too_large(cost)
        assert bool(answer) == bool(refuse_too_large(cost))
    monkeypatch.setattr(forecasting, "available_memory", lambda: 0.3 * cost.memory)
    with pytest.raises(InputError, match="Map fewer rows"):
        refuse_too_large(cost)


@pytest.mark.parametrize(("n", "d", "more"), [(1, 5, {}), (5, 0, {}), (50, 5, {"embedding": "umap"})])
def test_what_cannot_be_forecast_is_told(n, d, more):
    with pytest.raises(InputError, match=r"wanted 2 rows|Nothing is known of the cost of 'umap'"):
        forecast(n, d, **more)


def test_this_machine_has_a_speed_and_memory():
    assert (forecasting.available_memory() or 1) > 0


def test_the_speed_of_this_machine_is_measured_for_every_resource(monkeypatch):
    monkeypatch.undo()
    assert {cost.resource for cost in STEPS.values()} == set(forecasting.machine_speed())
    assert min(forecasting.machine_speed().values()) > 0
