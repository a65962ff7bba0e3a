"""What is measured: cells, each one method with one budget on one set, and when a kept cell is out of date.

Standard library alone, and so is all that the parent process imports: a child's peak memory is never less than its parent's.
"""

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent

PEERS = {
    "vae": ("peers/vae.py", ("torch",)),
    "vae+flow": ("peers/vae_flow.py", ("torch",)),
    "dcgan": ("peers/dcgan.py", ("torch",)),
    "ddpm": ("peers/ddpm.py", ("torch", "diffusers")),
    "pythae-vae": ("peers/pythae_models.py", ("torch", "pythae", "scikit-learn")),
    "pythae-rae": ("peers/pythae_models.py", ("torch", "pythae", "scikit-learn")),
}
"""Peer -> its file here and the packages it is made of."""

VARIANTS = ("imatlas:flow-transformer", "imatlas:flow-unet", "imatlas:gan")
NETWORKS = ("transformer", "mlp", "wide-mlp", "convolutional")
_RIVALS = ("imatlas", "vae+flow", "pythae-vae", "pythae-rae", "ddpm", "dcgan")

Budgets = dict[str, tuple[str, ...]]

GROUPS: dict[str, dict[str, Budgets]] = {
    "quality": {
        "fashion-mnist": {"0s": ("real",), "5m": ("vae",), "10m": _RIVALS, "30m": ("imatlas",)},
        "mnist": {"0s": ("real",), "5m": ("vae",), "10m": _RIVALS},
        "cifar10": {"0s": ("real",), "5m": ("vae",), "30m": _RIVALS},
        "emoji": {"0s": ("real",), "15m": ("imatlas",)},
        "clothing-photos": {"0s": ("real",), "15m": ("imatlas",)},
    },
    "bakeoff": {"fashion-mnist": {"2m": ("imatlas", *VARIANTS), "10m": VARIANTS, "30m": VARIANTS}},
    "guidance": {"fashion-mnist": {"10m": ("imatlas", "imatlas:flow-transformer", "imatlas:flow-unet")}},
    "speed": {"fashion-mnist": {"10m": ("imatlas", *VARIANTS)}},
    "throughput": {
        "fashion-mnist": {"1m": ("imatlas:transformer", "imatlas:mlp", "imatlas:wide-mlp", "imatlas:convolutional")}
    },
    "gpu": {name: {"10m": ("imatlas",), "60m": ("imatlas",)} for name in ("fashion-mnist", "cifar10")},
}
"""Group -> set -> budget -> methods; "imatlas" is what `imatlas run` does by default, "imatlas:X" a variant X.

"real" are training images in place of samples. The default, latent_flow, is baked off at 2 minutes; at 10 and 30 it stands
under quality. The groups guidance and speed turn the dials of models that cells of quality and bakeoff have left behind.
"""

OURS = ("conditions", "features", "generators", "geometry", "images", "manifold", "neighbors", "networks", "training", "values")
_RECIPES = ("journeys", "learning", "modeling", "training", "conditioning", "augmenting", "validating")
OURS += tuple(f"recipes/{name}.py" for name in _RECIPES)
OURS += ("sampling.py", "evaluation/kernel_distance.py")
"""The parts of imatlas that are measured here."""

LOOP = ("training", "networks", "generators/flow_matching.py")
"""The parts that the group throughput measures."""

_MODULES = {"quality": "ours", "bakeoff": "ours", "gpu": "gpu"}
_JUDGES = ("judge.py", "classifier.py", "scoring.py", "sets.py")
_SECONDS = {"s": 1, "m": 60}


@dataclass(frozen=True)
class Job:
    """One measurement: a group, a set, a budget such as "10m", a method."""

    group: str
    set_name: str
    budget: str
    method: str

    @classmethod
    def named(cls, name: str) -> "Job":
        """Give the job of a name."""
        return cls(*name.split("/"))

    @property
    def name(self) -> str:
        return f"{self.group}/{self.set_name}/{self.budget}/{self.method}"

    @property
    def file_name(self) -> str:
        return self.name.replace("/", "--").replace(":", "-")

    @property
    def seconds(self) -> float:
        return float(self.budget[:-1]) * _SECONDS[self.budget[-1]]

    @property
    def is_ours(self) -> bool:
        return self.method.startswith("imatlas")

    @property
    def teacher(self) -> "Job | None":
        """The job whose model this one looks at, if it trains none itself."""
        if self.group not in ("guidance", "speed"):
            return None
        return Job("quality" if self.method == "imatlas" else "bakeoff", self.set_name, self.budget, self.method)


def jobs(groups: Iterable[str] = GROUPS) -> list[Job]:
    """Give the jobs of some groups; those that leave models behind come before those that look at them."""
    return [
        Job(group, set_name, budget, method)
        for group in groups
        for set_name, budgets in GROUPS[group].items()
        for budget, methods in budgets.items()
        for method in methods
    ]


def module_of(job: Job) -> str:
    """Give the module whose `measure` makes a measurement."""
    path = PEERS[job.method][0] if job.method in PEERS else f"{_MODULES.get(job.group, job.group)}.py"
    if job.method == "real":
        path = "real.py"
    return "generation." + path.removesuffix(".py").replace("/", ".")


def is_of_a_peer(job: Job, module: str) -> bool:
    """Say whether a module belongs to what a peer is made of, and not to us."""
    return job.method in PEERS and module.partition(".")[0] not in ("imatlas", "generation")


def sample_file(scratch: Path, job: Job) -> Path:
    """Give the npz of a cell's samples."""
    return scratch / "samples" / f"{job.file_name}.npz"


def atlas_folder(scratch: Path, job: Job) -> Path:
    """Give the folder of the atlas that one of our cells leaves behind."""
    return scratch / "atlases" / f"{job.file_name}.atlas"


def state_of(job: Job) -> str:
    """Give what a measurement depends on, words in the code left out: one kept under another state is made again."""
    measured_by = [HERE / "cell.py", HERE / "sets.py", HERE / (module_of(job).split(".", 1)[1].replace(".", "/") + ".py")]
    if job.method == "vae+flow":
        measured_by.append(HERE / PEERS["vae"][0])
    packages = PEERS[job.method][1] if job.method in PEERS else ()
    parts = [f"{package} {_version(package)}" for package in packages]
    teacher = [] if job.teacher is None else [state_of(job.teacher)]
    ours = our_files(*(LOOP if job.group == "throughput" else OURS)) if job.is_ours else []
    return ", ".join([*parts, *teacher, digest_of(measured_by + ours)])


def judging_state(job: Job) -> str:
    """Give what the scores of a cell's samples depend on, the samples themselves left out."""
    return digest_of([HERE / name for name in _JUDGES] + our_files("evaluation"))


def versions() -> dict[str, str]:
    """Give the versions of all that is measured and of what it stands on."""
    names = {name for _, packages in PEERS.values() for name in packages} | {"numpy", "imatlas"}
    return {name: _version(name) for name in sorted(names)}


def our_files(*parts: str) -> list[Path]:
    """Give the files of some parts of imatlas."""
    found = find_spec("imatlas")
    if found is None or found.origin is None:
        return []
    house = Path(found.origin).parent
    return sorted(path for part in parts for path in ([house / part] if part.endswith(".py") else (house / part).glob("*.py")))


def digest_of(files: list[Path]) -> str:
    """Give a short name of what some files do, words left out."""
    return hashlib.sha256("".join(_code(path) for path in files).encode()).hexdigest()[:12]


def _code(path: Path) -> str:
    """Give what a file does, without docstrings, comments and layout."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return ast.dump(tree)


def _is_text(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed" if package != "imatlas" else "from source"
