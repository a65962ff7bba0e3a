import pytest

from imatlas.checks import InputError
from imatlas.evaluation import measure_speed


class Watch:
    """A clock and a sampler that takes 0.1 s a call and 0.01 s an image, slower while cold."""

    def __init__(self, cold_calls=0):
        self.now, self.calls, self.cold_calls = 0.0, [], cold_calls

    def clock(self):
        return self.now

    def sample(self, count):
        self.calls.append(count)
        self.now += 0.1 + 0.01 * count + (100.0 if len(self.calls) <= self.cold_calls else 0.0)


def test_rates_and_waits_follow_from_the_cost_of_a_call():
    watch = Watch()
    timing = measure_speed(watch.sample, batches=(1, 64), seconds=4.0, clock=watch.clock)
    assert timing["images_per_second_at_1"] == pytest.approx(1 / 0.11)
    assert timing["images_per_second_at_64"] == pytest.approx(64 / 0.74)
    assert timing["images_per_second"] == timing["images_per_second_at_64"]
    assert timing["best_batch"] == 64
    assert timing["latency_p50"] == pytest.approx(0.11)
    assert timing["latency_p50"] <= timing["latency_p95"] <= timing["latency_p99"]


def test_warm_up_calls_are_not_timed():
    watch = Watch(cold_calls=3)
    timing = measure_speed(watch.sample, batches=(1,), seconds=400.0, clock=watch.clock)
    assert timing["latency_p99"] == pytest.approx(0.11)
    assert watch.calls == [1] * 203, "three warm-ups and 200 repeats"


def test_a_slow_generator_is_not_measured_for_longer_than_it_is_worth():
    """A call with one image takes 0.11 s, with 64 images 0.74 s: longer than a third of a second, so 256 are not tried."""
    watch = Watch()
    timing = measure_speed(watch.sample, batches=(1, 64, 256), seconds=1.0, clock=watch.clock)
    assert watch.calls.count(64) == 3, "one warm-up and two repeats"
    assert 256 not in watch.calls
    assert timing["best_batch"] == 64
    assert "images_per_second_at_256" not in timing


def test_the_device_is_waited_for_before_the_clock_is_read():
    watch = Watch()
    waiting = []
    timing = measure_speed(waiting.append, batches=(1,), seconds=0.0, clock=watch.clock, synchronize=lambda: watch.sample(1))
    assert timing["latency_p50"] == pytest.approx(0.11)


def test_batch_one_must_be_among_the_sizes():
    with pytest.raises(InputError, match="hold no 1"):
        measure_speed(lambda count: None, batches=(64,))
