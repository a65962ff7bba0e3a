"""What is measured: cells, each one library on one set, and when a kept cell is out of date.

Standard library alone, and so is all that the parent process imports: a child's peak memory is never less than its parent's.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent

GROUPS = {
    "graph": (["mnist"], ["imatlas", "pynndescent", "faiss", "hnswlib"]),
    "map": (["mnist", "fashion-mnist"], ["imatlas", "umap", "pacmap"]),
    "clusters": (["mnist", "fashion-mnist", "digits"], ["imatlas", "evoc", "umap+hdbscan"]),
    "geodesics": (["mnist"], ["imatlas", "scipy"]),
    "transform": (["mnist"], ["imatlas:NeighborMap", "imatlas:SpectralMap", "imatlas:LandmarkIsomap", "umap"]),
    "inverse": (["mnist"], ["imatlas:NeighborMap-2", *(f"imatlas:SpectralMap-{q}" for q in (2, 8, 32)), "umap"]),
    "large": (["cube-70k", "cube-1m"], ["imatlas", "pynndescent"]),
    "trust": (["mnist", "cube-1m"], ["imatlas", "scikit-learn"]),
    "threads": (["mnist"], ["imatlas:1", "imatlas:2"]),
}
"""Group -> sets and libraries; "imatlas:X" is imatlas in a variant X."""

PACKAGES = {
    "pynndescent": ("pynndescent", "numba"),
    "faiss": ("faiss-cpu",),
    "hnswlib": ("hnswlib",),
    "umap": ("umap-learn", "pynndescent", "numba"),
    "pacmap": ("pacmap", "faiss-cpu", "numba"),
    "evoc": ("evoc", "numba"),
    "umap+hdbscan": ("umap-learn", "fast_hdbscan", "pynndescent", "numba"),
    "scipy": ("scipy",),
    "scikit-learn": ("scikit-learn",),
}
"""The packages each peer is made of."""

OURS = ("neighbors", "manifold", "values", "geometry", "checks.py", "progress.py")
"""The parts of imatlas that are measured here."""


@dataclass(frozen=True)
class Job:
    """One measurement: a group, a set, a library."""

    group: str
    set_name: str
    library: str

    @property
    def name(self) -> str:
        return f"{self.group}/{self.set_name}/{self.library}"

    @property
    def is_ours(self) -> bool:
        return self.library.startswith("imatlas")


def jobs(groups: list[str]) -> list[Job]:
    """Give the jobs of some groups, each of ours beside its peers."""
    return [Job(group, name, library) for group in groups for name in GROUPS[group][0] for library in GROUPS[group][1]]


def state_of(job: Job) -> str:
    """Give what a measurement depends on: a cell that was kept under another state is measured again."""
    measured_by = [HERE / name for name in ("cell.py", "scores.py", "sets.py", "ours.py" if job.is_ours else "peers.py")]
    parts = [] if job.is_ours else [f"{package} {_version(package)}" for package in PACKAGES[job.library]]
    return ", ".join([*parts, _digest(measured_by + (_our_files() if job.is_ours else []))])


def versions() -> dict[str, str]:
    """Give the versions of all that is measured and of what it stands on."""
    names = {name for packages in PACKAGES.values() for name in packages} | {"numpy", "torch", "imatlas"}
    return {name: _version(name) for name in sorted(names)}


def _our_files() -> list[Path]:
    found = find_spec("imatlas")
    if found is None or found.origin is None:
        return []
    house = Path(found.origin).parent
    return sorted(path for part in OURS for path in ([house / part] if part.endswith(".py") else (house / part).glob("*.py")))


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed" if package != "imatlas" else "from source"
