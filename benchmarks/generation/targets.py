"""What is to be reached, as data: each target names the number, what it is divided by, and the bound.

A distance is the mean over the two label judges. Divided by several cells means by the least of them, the best peer. "Copies"
holds the lower end of the copy rate's 95 % interval: 0 where samples are no nearer to training images than test images are.
"""

from dataclasses import dataclass

from generation.plan import GROUPS

AT_MOST, AT_LEAST = "at most", "at least"


@dataclass(frozen=True)
class Value:
    """A number of a cell; of its samples' scores if `samples` names them."""

    cell: str
    number: str
    samples: str = ""


@dataclass(frozen=True)
class Target:
    """A value, or its ratio to the least of some others, and its bound."""

    what: str
    value: Value
    how: str
    wanted: float
    over: tuple[Value, ...] = ()


def score_of(cell: str, number: str, samples: str = "samples") -> Value:
    """Give a score of a cell's samples."""
    return Value(f"quality/{cell}", number, samples)


def rivals(set_name: str, budget: str) -> tuple[Value, ...]:
    """Give the distances of all peers with that budget, and of the plain VAE."""
    names = {"pythae-vae": ("normal", "mixture"), "pythae-rae": ("mixture",)}
    cells = [(budget, method) for method in GROUPS["quality"][set_name][budget] if not method.startswith("imatlas")]
    return tuple(
        score_of(f"{set_name}/{spent}/{method}", "frechet", samples)
        for spent, method in [("5m", "vae"), *cells]
        for samples in names.get(method, ("samples",))
    )


def _beside_peers(set_name: str, budget: str, wanted: float) -> Target:
    what = f"{set_name}, {budget}: distance, beside the best peer's"
    return Target(what, score_of(f"{set_name}/{budget}/imatlas", "frechet"), AT_MOST, wanted, rivals(set_name, budget))


def _beside_vae(budget: str, wanted: float) -> Target:
    what = f"fashion-mnist, {budget}: distance, beside the plain VAE's of 5 minutes"
    plain = score_of("fashion-mnist/5m/vae", "frechet")
    return Target(what, score_of(f"fashion-mnist/{budget}/imatlas", "frechet"), AT_MOST, wanted, (plain,))


def _copies(set_name: str, budget: str) -> list[Target]:
    return [
        Target(
            f"{set_name}, {budget}: copies in {space}, beyond test images",
            score_of(f"{set_name}/{budget}/imatlas", f"{space}_copy_rate_low"),
            AT_MOST,
            0.0,
        )
        for space in ("features", "pixels")
    ]


def _small_set(set_name: str) -> list[Target]:
    ours, real = (score_of(f"{set_name}/{cell}", "coverage") for cell in ("15m/imatlas", "0s/real"))
    covered = Target(f"{set_name}, 15m: coverage, beside training images'", ours, AT_LEAST, 0.5, (real,))
    return [covered, *_copies(set_name, "15m")]


def _in_time(set_name: str, budget: str, seconds: float) -> Target:
    what = f"{set_name}, {budget}: seconds to the last step, map included (2 % over is let pass)"
    return Target(what, Value(f"quality/{set_name}/{budget}/imatlas", "fitted_seconds"), AT_MOST, 1.02 * seconds)


def _few_steps(variant: str) -> Target:
    what = f"pixel flow ({variant}): images/s with at most 15 % more distance than with many steps"
    return Target(what, Value(f"speed/fashion-mnist/10m/imatlas:{variant}", "few_steps_images_per_second"), AT_LEAST, 250)


def _throughput(network: str, wanted: float) -> Target:
    what = f"training images/s, {network}, beside a plain float32 loop"
    return Target(what, Value(f"throughput/fashion-mnist/1m/imatlas:{network}", "ratio"), AT_LEAST, wanted)


TARGETS = (
    _beside_peers("fashion-mnist", "10m", 1 / 3),
    _beside_vae("10m", 0.14),
    Target("fashion-mnist, 10m: coverage", score_of("fashion-mnist/10m/imatlas", "coverage"), AT_LEAST, 0.80),
    *_copies("fashion-mnist", "10m"),
    _beside_vae("30m", 0.08),
    _beside_peers("mnist", "10m", 1 / 3),
    _beside_peers("cifar10", "30m", 2 / 3),
    *_small_set("emoji"),
    *_small_set("clothing-photos"),
    _in_time("fashion-mnist", "10m", 600),
    _in_time("mnist", "10m", 600),
    _in_time("cifar10", "30m", 1800),
    Target(
        "sampling, default quality, 28 x 28: images/s",
        Value("speed/fashion-mnist/10m/imatlas", "default: images_per_second"),
        AT_LEAST,
        1000,
    ),
    _few_steps("flow-transformer"),
    _few_steps("flow-unet"),
    _throughput("transformer", 2.0),
    _throughput("mlp", 2.0),
    _throughput("wide-mlp", 2.0),
    _throughput("convolutional", 1.3),
)
