"""What is measured: cells, each one library on one size, and when a kept cell is out of date.

Standard library alone, and so is all that the parent process imports: a child's peak memory is never less than its parent's.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from generation.plan import digest_of, our_files

HERE = Path(__file__).parent

SIZES = {
    "shares": {"10k": (10_000, 512), "50k": (50_000, 512)},
    "frechet": {"5k": (5_000, 2048), "500": (500, 2048)},
    "vendi": {"10k": (10_000, 768)},
    "metrics": {"10k": (10_000, 784)},
}
"""Group -> size -> rows on each side, and numbers in a row."""

PARTIES = {
    "shares/10k": ("imatlas:float32", "imatlas:bfloat16", "prdc"),
    "shares/50k": ("imatlas:float32", "imatlas:bfloat16"),
    "frechet/5k": ("imatlas", "scipy"),
    "frechet/500": ("imatlas", "scipy"),
    "vendi/10k": ("imatlas", "vendi-score", "vendi-score:dual"),
    "metrics/10k": ("imatlas",),
}
"""Group and size -> libraries, ours first; what stands behind a colon is a variant. Of prdc 50,000 rows would ask 40 GB."""

ONCE = ("shares/50k", "vendi/10k/vendi-score", "metrics/10k")
"""Cells that take a minute or more: one run is enough."""

_DOOR = ("evaluation/doors.py", "checks.py")
OURS = {
    "shares": (*_DOOR, "neighbors", *(f"evaluation/{name}.py" for name in ("coverage", "balls", "nearest"))),
    "frechet": (*_DOOR, *(f"evaluation/{name}.py" for name in ("frechet", "accumulating", "nearest"))),
    "vendi": (*_DOOR, "evaluation/modes.py"),
    "metrics": ("evaluation", "neighbors", "checks.py", "values", "features", "images", "networks", "geometry"),
}
"""Group -> the parts of imatlas that it measures."""


@dataclass(frozen=True)
class Job:
    """One measurement: a group, a size, a library."""

    group: str
    size: str
    party: str

    @classmethod
    def named(cls, name: str) -> "Job":
        """Give the job of a name."""
        return cls(*name.split("/"))

    @property
    def name(self) -> str:
        return f"{self.group}/{self.size}/{self.party}"

    @property
    def library(self) -> str:
        return self.party.partition(":")[0]

    @property
    def variant(self) -> str:
        return self.party.partition(":")[2]

    def is_part(self, part: str) -> bool:
        """Say whether the job belongs to a group, a group and size, or is the cell of that name."""
        return f"{self.name}/".startswith(part + "/")

    @property
    def is_slow(self) -> bool:
        return any(self.is_part(part) for part in ONCE)

    def shape(self, quick: bool) -> tuple[int, int]:
        """Give rows and columns of each side; a smoke run has few of both, but as many more rows than columns."""
        n, d = SIZES[self.group][self.size]
        return (max(60, n // 16), d if self.group == "metrics" else d // 16) if quick else (n, d)


def jobs() -> list[Job]:
    """Give all jobs, each of ours beside its peers."""
    return [Job(*place.split("/"), party) for place, parties in PARTIES.items() for party in parties]


def state_of(job: Job) -> str:
    """Give what a measurement depends on: a cell that was kept under another state is measured again."""
    files = [HERE / "cell.py", HERE / "sets.py"]
    if job.library == "imatlas":
        return digest_of([*files, HERE / "ours.py", *our_files(*OURS[job.group])])
    return f"{job.library} {_version(job.library)}, {digest_of([*files, HERE / 'peers.py'])}"


def versions() -> dict[str, str]:
    """Give the versions of all that is measured and of what it stands on."""
    names = {job.library for job in jobs()} | {"numpy", "torch", "scikit-learn"}
    return {name: _version(name) for name in sorted(names)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed" if package != "imatlas" else "from source"
