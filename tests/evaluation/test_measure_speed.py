import ctypes
from dataclasses import replace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import COSTS, METRICS, Instruments, measure_speed, median_interval, spread
from imatlas.evaluation.energy import gpu_reader, packages_reader


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
    timing = measure_speed(watch.sample, batches=(1, 64), seconds=4.0, instruments=Instruments(watch.clock))
    assert timing["images_per_second_at_1"] == pytest.approx(1 / 0.11)
    assert timing["images_per_second_at_64"] == pytest.approx(64 / 0.74)
    assert timing["images_per_second"] == timing["images_per_second_at_64"]
    assert timing["best_batch"] == 64
    assert timing["latency_p50"] == pytest.approx(0.11)
    assert timing["latency_p50"] <= timing["latency_p95"] <= timing["latency_p99"]


def test_warm_up_calls_are_not_timed():
    watch = Watch(cold_calls=3)
    timing = measure_speed(watch.sample, batches=(1,), seconds=400.0, instruments=Instruments(watch.clock))
    assert timing["latency_p99"] == pytest.approx(0.11)
    assert watch.calls == [1] * 203, "three warm-ups and 200 repeats"


def test_a_slow_generator_is_not_measured_for_longer_than_it_is_worth():
    """A call with one image takes 0.11 s, with 64 images 0.74 s: longer than a third of a second, so 256 are not tried."""
    watch = Watch()
    timing = measure_speed(watch.sample, batches=(1, 64, 256), seconds=1.0, instruments=Instruments(watch.clock))
    assert watch.calls.count(64) == 3, "one warm-up and two repeats"
    assert 256 not in watch.calls
    assert timing["best_batch"] == 64
    assert "images_per_second_at_256" not in timing


def test_the_device_is_waited_for_before_the_clock_is_read():
    watch = Watch()
    waiting = []
    read = Instruments(watch.clock, lambda: watch.sample(1))
    timing = measure_speed(waiting.append, batches=(1,), seconds=0.0, instruments=read)
    assert timing["latency_p50"] == pytest.approx(0.11)


def test_batch_one_must_be_among_the_sizes():
    with pytest.raises(InputError, match="hold no 1"):
        measure_speed(lambda count: None, batches=(64,))


def test_the_interval_of_a_median_holds_it_as_often_as_it_says():
    """From its own small interval on: of 6 repeats all lie on one side in 2 of 64 draws, so the extremes hold 96.9 %."""
    rng = np.random.default_rng(0)
    for n, wanted in ((6, 0.969), (25, 0.957), (200, 0.956)):
        draws = rng.exponential(size=(2000, n))
        held = [low <= np.log(2) <= high for low, high in map(median_interval, draws)]
        assert np.mean(held) == pytest.approx(wanted, abs=0.015)
    assert median_interval(draws[0, :5]) is None


def test_repeats_are_told_by_median_quartiles_and_interval():
    told = spread("wait", np.arange(1.0, 10.0))
    assert told == {"wait": 5.0, "wait_q1": 3.0, "wait_q3": 7.0, "wait_low": 2.0, "wait_high": 8.0}
    assert set(spread("wait", np.arange(3.0))) == {"wait", "wait_q1", "wait_q3"}


def test_joules_are_those_of_the_repeats_at_the_fastest_batch_for_each_of_its_images():
    """A machine of 20 watts: a call with 64 images takes 0.74 s and 14.8 J, warm-ups not counted."""
    watch = Watch()
    read = Instruments(watch.clock, energy=lambda: 20 * watch.now)
    timing = measure_speed(watch.sample, batches=(1, 64), seconds=4.0, instruments=read)
    assert timing["joules_per_image"] == pytest.approx(20 * 0.74 / 64)
    assert "joules_per_image" not in measure_speed(
        watch.sample, batches=(1,), seconds=1.0, instruments=Instruments(watch.clock)
    )


def package(folder, number, *, used, limit=10_000_000):
    """A processor package as Linux shows it, and a part of it that must not be counted twice."""
    for name in (f"intel-rapl:{number}", f"intel-rapl:{number}:0"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "energy_uj").write_text(f"{used}\n")
        (folder / name / "max_energy_range_uj").write_text(f"{limit}\n")


def test_packages_are_added_and_a_counter_that_starts_again_is_followed(tmp_path):
    package(tmp_path, 0, used=9_000_000)
    package(tmp_path, 1, used=500_000)
    joules = packages_reader(tmp_path)
    assert joules() == 0
    package(tmp_path, 0, used=1_000_000)
    package(tmp_path, 1, used=700_000)
    assert joules() == pytest.approx(2.0 + 0.2, abs=1e-5)
    package(tmp_path, 0, used=4_000_000)
    assert joules() == pytest.approx(5.0 + 0.2, abs=1e-5)


def test_energy_that_cannot_be_read_is_none(tmp_path):
    assert packages_reader(tmp_path) is None
    assert packages_reader(tmp_path / "nowhere") is None
    package(tmp_path, 0, used=1)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert packages_reader(tmp_path) is None


class FakeNvml:
    """NVIDIA's library as ctypes calls it; every function gives 0 when it worked."""

    def __init__(self, *, counts=True):
        self.counts, self.millijoules, self.asked = counts, 5_000, None

    def nvmlInit_v2(self):
        return 0

    def nvmlDeviceGetHandleByUUID(self, name, handle):
        self.asked = name
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, result):
        ctypes.cast(result, ctypes.POINTER(ctypes.c_ulonglong))[0] = self.millijoules
        return 0 if self.counts else 3


def test_the_energy_of_a_gpu_is_counted_from_when_it_was_asked_for():
    library = FakeNvml()
    joules = gpu_reader(library, "GPU-8f")
    library.millijoules = 7_500
    assert joules() == 2.5
    assert library.asked == b"GPU-8f"
    assert gpu_reader(FakeNvml(counts=False), "GPU-8f") is None


def test_costs_say_how_they_were_measured_and_on_what(make_trial):
    trial = make_trial()
    timing = {"device": "cpu: toy, 2 cores", "file_size_failed": "gone", "latency_p50_low": 0.01, "latency_p50_high": 0.03}
    score = METRICS["latency_p50"](replace(trial, timing=trial.timing | timing), "")
    assert score.interval == (0.01, 0.03)
    assert score.n == 9
    assert score.details["method"] == COSTS["latency_p50"].method
    assert score.details["device"].startswith("cpu")
    assert "file_size_failed" not in score.details
    assert score.details["unit"] == "s"


def test_a_cost_that_was_not_measured_is_left_out_with_the_reason(make_trial):
    nothing = replace(make_trial(), timing={"joules_per_image_failed": "No energy counter can be read here."})
    with pytest.raises(InputError, match=r"^No energy counter can be read here\. How it is measured: "):
        METRICS["joules_per_image"](nothing, "")
    with pytest.raises(InputError, match=r"Trial\.timing holds no file_size\."):
        METRICS["file_size"](nothing, "")
