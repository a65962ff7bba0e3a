"""The loop's own mathematics: data order, rates, averages, budget, clipping, and two players."""

import numpy as np
import pytest
import torch
from laws.random_state import global_generators_untouched
from small_models import BATCH_SIZE, N_ROWS, Clock, Slope, TwoStages, batch
from torch import Tensor, nn
from torch.nn import functional

from imatlas.checks import InputError
from imatlas.training import Plan, Stage, Trainable, autocast, faster_precision, train
from imatlas.values import Codes


def test_the_model_ends_with_its_averaged_weights() -> None:
    """On a constant slope AdamW moves every number by the learning rate: w_s = w_(s-1) - r_s.

    The average a_s = k_s a_(s-1) + (1 - k_s) w_s follows by hand from the plan's own r and k. Tolerance: Adam divides
    by |g| + 1e-8 and clipping by |g| + 1e-6, once per step.
    """
    model, steps = Slope(), 40
    list(train(model, N_ROWS, batch, Plan(steps=steps, precision="float32")))
    plan = Plan(steps=steps).for_stage(model.stages()[0])
    place = average = 0.0
    for step in range(steps):
        place -= plan.rate_at(step, steps)
        kept = plan.average_decay(step, steps)
        average = kept * average + (1 - kept) * place
    assert average - place > 0.01
    np.testing.assert_allclose(model.place.detach(), average, rtol=1e-4)
    assert not model.training


def test_every_row_is_seen_once_before_any_is_seen_twice() -> None:
    """20 batches of 8 from 50 rows are three epochs and ten rows: each row three times, ten of them four times."""
    seen: list[np.ndarray] = []

    def watching(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        seen.append(rows.copy())
        return batch(rows, rng)

    list(train(Slope(), N_ROWS, watching, Plan(steps=20, precision="float32")))
    looked_at, *steps = seen
    assert sorted(looked_at) == list(range(N_ROWS))
    order = np.concatenate(steps)
    for epoch in range(3):
        assert sorted(order[epoch * N_ROWS : (epoch + 1) * N_ROWS]) == list(range(N_ROWS))
    assert np.bincount(order).tolist().count(4) == 10
    assert not (order[:N_ROWS] == order[N_ROWS : 2 * N_ROWS]).all()


def test_every_batch_has_a_random_generator_of_its_own() -> None:
    """What is drawn afresh per batch, such as a jittered place, never repeats within a run and repeats in the next."""

    def drawn() -> list[float]:
        numbers: list[float] = []

        def drawing(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
            numbers.append(rng.random())
            return batch(rows, rng)

        list(train(Slope(), N_ROWS, drawing, Plan(steps=20, precision="float32")))
        return numbers

    assert len(set(drawn())) == 21
    assert drawn() == drawn()


def test_a_set_smaller_than_a_batch_fills_it_by_repeating_epochs() -> None:
    seen: list[np.ndarray] = []

    def watching(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        seen.append(rows.copy())
        return batch(rows, rng)

    list(train(Slope(), 3, watching, Plan(steps=3, precision="float32")))
    assert np.bincount(np.concatenate(seen[1:])).tolist() == [8, 8, 8]


def test_the_seed_decides_the_run_and_no_global_generator_is_touched() -> None:
    def final(seed: int) -> Tensor:
        model = TwoStages(0)
        list(train(model, N_ROWS, batch, Plan(steps=10, seed=seed, precision="float32")))
        return model.first.detach()

    with global_generators_untouched():
        first, again, other = final(1), final(1), final(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_stages_have_an_order_and_noise_of_their_own() -> None:
    seen: dict[str, list[tuple]] = {"first": [], "second": []}

    class Watched(TwoStages):
        def loss(self, player, images, codes, generator) -> Tensor:
            seen[player].append((generator.initial_seed(), float(images.sum()), float(codes["place"].sum())))
            return super().loss(player, images, codes, generator)

    list(train(Watched(0), N_ROWS, batch, Plan(steps=20, precision="float32")))
    assert (len(seen["first"]), len(seen["second"])) == (12, 8)
    for column in range(3):
        assert not {row[column] for row in seen["first"]} & {row[column] for row in seen["second"]}


def test_only_the_players_of_a_stage_move() -> None:
    model = TwoStages(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for report in train(model, N_ROWS, batch, Plan(steps=50, precision="float32")):
        if (report.stage, report.done) == ("one", 20):
            assert torch.equal(model.second, before["second"])
            assert not torch.equal(model.first, before["first"])
            kept = model.first.detach().clone()
    assert not torch.equal(model.second, before["second"])
    assert not torch.equal(model.first, kept), "stage one went on to step 30"
    codes = torch.cat([batch(np.array([row]), np.random.default_rng(0))[0] for row in range(N_ROWS)]).flatten(1) @ model.first
    torch.testing.assert_close(model.center, codes.mean(0) + 0.1 * before["second"].mean(1), rtol=1e-4, atol=1e-6)
    assert float(model.seen) == 50 * BATCH_SIZE, "what a model counts is kept as it is, not averaged"


def test_a_gradient_is_clipped_to_the_plans_norm() -> None:
    """Plain second moments of a clipped gradient: after one step exp_avg = 0.1 g with |g| = clip."""

    class Watched(Slope):
        def player_parameters(self, player: str) -> list[nn.Parameter]:
            if self.place.grad is not None:
                norms.append(float(self.place.grad.norm()))
            return super().player_parameters(player)

    norms: list[float] = []
    model = Watched(lambda place: 1000 * place.sum())
    list(train(model, N_ROWS, batch, Plan(steps=3, clip=0.5, precision="float32")))
    assert min(norms) == pytest.approx(0.5, rel=1e-4)
    assert max(norms) == pytest.approx(2000, rel=1e-4)


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (lambda step: 0.1, 200),
        (lambda step: 0.1 if step < 30 else 0.2, 115),
        (lambda step: 1.0 if step == 0 else 0.1, 191),
        (lambda step: 0.1 if step < 30 else 0.05, 370),
    ],
    ids=["steady", "slower after a while", "slow first step", "faster after a while"],
)
def test_a_time_budget_becomes_steps(monkeypatch: pytest.MonkeyPatch, pace, expected: int) -> None:
    """20 s of a clock that only batches move; the plan is corrected until the learning rate falls."""
    clock = Clock(pace)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    reports = list(train(Slope(), N_ROWS, clock.batch, Plan(seconds=20.0, precision="float32")))
    last = reports[-1]
    assert last.done == last.total == clock.made
    assert last.total == pytest.approx(expected, rel=0.03)
    assert last.remaining == 0
    assert last.rate == pytest.approx(last.done * BATCH_SIZE / last.seconds)


@pytest.mark.parametrize("seconds", [0.5, 8.0])
def test_a_budget_too_short_for_ten_steps_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    clock = Clock(lambda step: 1.0)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    with pytest.raises(InputError, match=r"leaves .* s for stage slope, enough for [58] steps; .* Give a budget (20|13) times"):
        list(train(Slope(), N_ROWS, clock.batch, Plan(seconds=seconds, precision="float32")))
    assert clock.made == 4


def test_a_budget_too_short_for_a_later_stage_is_refused_before_the_first_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 steps of 0.5 s fit into the 30 s of stage one, 5 of 4 s into the 20 s of stage two."""
    clock = Clock(lambda step: 0.5)
    monkeypatch.setattr("imatlas.training.loop.time", clock)

    class Slow(TwoStages):
        def loss(self, player, images, codes, generator) -> Tensor:
            clock.now += 3.5 * (player == "second")
            return super().loss(player, images, codes, generator)

    with pytest.raises(InputError, match=r"leaves 20 s for stage two, enough for 5 steps; .* Give a budget 20 times"):
        list(train(Slow(0), N_ROWS, clock.batch, Plan(seconds=50.0, precision="float32")))
    assert clock.made == 4 + 2


def test_a_budget_too_short_for_a_hundred_steps_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda step: 1.0)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    first, *rest = train(Slope(), N_ROWS, clock.batch, Plan(seconds=50.0, precision="float32"))
    assert "leaves 50 s for stage slope, enough for 50 steps: what it draws will be close to noise. For more give" in first.note
    assert not any(report.note for report in rest)


@pytest.mark.parametrize("steps", [1, 2, 7, 300, 5000])
def test_the_learning_rate_rises_stays_and_falls_to_almost_nothing(steps: int) -> None:
    plan = Plan(steps=steps, learning_rate=0.5)
    rates = np.array([plan.rate_at(step, steps) for step in range(steps)])
    assert (rates > 0).all()
    peak = int(rates.argmax())
    assert rates[peak] == pytest.approx(0.5)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    if steps > 100:
        assert rates[-1] < 0.01 * rates[peak]


@pytest.mark.parametrize("steps", [1, 300])
def test_the_average_forgets_its_beginning(steps: int) -> None:
    plan = Plan(steps=steps)
    decays = np.array([plan.average_decay(step, steps) for step in range(steps)])
    assert ((decays >= 0) & (decays < 1)).all()
    assert (np.diff(decays) >= 0).all()
    assert np.prod(decays) < 1e-3


def test_stages_share_the_plan() -> None:
    plan = Plan(steps=100, seconds=50.0)
    parts = [plan.for_stage(stage) for stage in TwoStages(0).stages()]
    assert [part.steps for part in parts] == [60, 40]
    assert [part.seconds for part in parts] == [30.0, 20.0]
    assert parts[0].batch_size == BATCH_SIZE
    assert Plan(steps=1, batch_size=5, learning_rate=0.1).for_stage(TwoStages(0).stages()[0]).batch_size == 5
    assert Plan(steps=1).for_stage(TwoStages(0).stages()[1]).steps == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "steps or seconds above 0"),
        ({"steps": -5, "seconds": 10.0}, "steps is -5"),
        ({"steps": 5, "learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"steps": 5, "batch_size": -1}, "batch_size is -1"),
        ({"steps": 5, "precision": "float16"}, "precision is 'float16'"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Plan(**settings)


def test_precision_changes_products_and_not_weights() -> None:
    layer, rows = nn.Linear(64, 8), torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    with autocast(torch.device("cpu"), "bfloat16"):
        half = layer(rows)
    with autocast(torch.device("cpu"), "float32"):
        full = layer(rows)
    assert (half.dtype, full.dtype, layer.weight.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert float((half - full).abs().max().detach()) < 0.03


def test_the_faster_precision_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that takes twice as long on the clock in one precision makes the other one win; ties go to float32."""
    clock = 0.0
    costs = {torch.float32: 1.0, torch.bfloat16: 1.0}
    square = torch.ones(4, 4)

    def work() -> None:
        nonlocal clock
        clock += costs[(square @ square).dtype]

    monkeypatch.setattr("imatlas.training.precision.time.perf_counter", lambda: clock)
    assert faster_precision(work, torch.device("cpu")) == "float32"
    costs[torch.bfloat16] = 0.5
    assert faster_precision(work, torch.device("cpu")) == "bfloat16"
    costs[torch.bfloat16] = 2.0
    assert faster_precision(work, torch.device("cpu")) == "float32"


def test_a_time_budget_measures_the_precision_and_a_number_of_steps_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a measurement says may differ from run to run; runs of so many steps are to repeat bit for bit."""
    seen: set[torch.dtype] = set()

    class Watched(TwoStages):
        def loss(self, player, images, codes, generator) -> Tensor:
            seen.add((images.flatten(1) @ self.first).dtype)
            return super().loss(player, images, codes, generator)

    monkeypatch.setattr("imatlas.training.loop.faster_precision", lambda work, device: work() or "bfloat16")
    list(train(Watched(0), N_ROWS, batch, Plan(steps=10)))
    assert seen == {torch.float32}
    clock = Clock(lambda step: 1.0)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    reports = list(train(Watched(0), N_ROWS, clock.batch, Plan(seconds=400.0, learning_rate=0.02)))
    assert torch.bfloat16 in seen
    losses = [report.values["loss_first"] for report in reports if report.stage == "one"]
    assert losses[-1] < losses[0]


class TinyGan(Trainable):
    """Two players on points of the plane: softplus losses of the difference between real and drawn, both penalised.

    Huang et al. 2024, "The GAN is dead; long live the GAN", arXiv 2501.05441: u = D(real) - D(drawn),
    L_D = softplus(-u) + (g / 2) (|grad D(real)|^2 + |grad D(drawn)|^2), L_G = softplus(u).
    """

    def __init__(self) -> None:
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
        self.drawer = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))

    def players(self) -> tuple[str, ...]:
        return ("critic", "drawer")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        return list((self.critic if player == "critic" else self.drawer).parameters())

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("play", self.players(), batch_size=128, learning_rate=3e-3),)

    def loss(self, player, images, codes, generator) -> Tensor:
        real = images.flatten(1).requires_grad_(player == "critic")
        drawn = self.drawer(torch.randn(len(real), 2, generator=generator))
        if player == "drawer":
            return functional.softplus(self.critic(real) - self.critic(drawn)).mean()
        drawn = drawn.detach().requires_grad_()
        scores = [self.critic(real), self.critic(drawn)]
        slopes = [torch.autograd.grad(score.sum(), rows, create_graph=True)[0] for score, rows in zip(scores, (real, drawn))]
        penalty = sum(slope.square().sum(1).mean() for slope in slopes)
        return functional.softplus(scores[1] - scores[0]).mean() + 0.05 * penalty


def test_two_players_are_trained_by_the_same_loop() -> None:
    """A GAN learns two far groups of points: both are drawn, about evenly, and little lies between them.

    Share of each group between 0.3 and 0.7; four in five points within 3 standard deviations of their group's centre
    (seeds differ between 1.8 and 2.2). An untrained drawer puts everything near 0, 8 standard deviations away.
    """
    rng = np.random.default_rng(0)
    sides = np.where(rng.random(1000) < 0.5, -1.0, 1.0)
    points = np.stack([0.6 * sides, 0.3 * sides], axis=1) + 0.08 * rng.standard_normal((1000, 2))
    images = torch.from_numpy(points.astype(np.float32))[:, None, None]  # (n, 1, 1, 2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TinyGan()
    plan = Plan(steps=800, learning_rate=5e-3, betas=(0.5, 0.95), precision="float32")
    reports = list(train(model, 1000, lambda rows, rng: (images[rows], Codes({})), plan))
    assert {"loss_critic", "loss_drawer"} <= set(reports[-1].values)
    drawn = model.drawer(torch.randn(1000, 2, generator=torch.Generator().manual_seed(9))).detach().numpy()
    side = np.sign(drawn[:, 0])
    away = np.linalg.norm(drawn - side[:, None] * [0.6, 0.3], axis=1)
    assert 0.3 < (side > 0).mean() < 0.7
    assert np.quantile(away, 0.8) < 3 * 0.08
