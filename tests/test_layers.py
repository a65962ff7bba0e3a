"""The walls of the house: who may import whom, what may be imported where, and how long a file may be.

Imports are read from the syntax tree, those inside functions too, so a wall cannot be walked round by a late import; a module
named in a string of its own ("imatlas.store", as for a lazy import) counts as imported. The rules are those of
docs/architecture.md. The last tests build small houses with one fault each, and every fault must be found.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import imatlas

GROUND = {"values", "checks", "progress", "files", "pictures", "networks", "neighbors", "geometry", "training"}
ROOMS = {"images", "features", "manifold", "conditions", "generators", "evaluation"}
CROSSINGS = ("sampling", "store", "engines", "recipes", "studies")
FRONT = {"app"}
DOOR = "__init__"
"""The package's own `__init__.py`: it gives out public names, so it may reach everything but the front."""

MOST_LINES = 350
LONGER: dict[str, int] = {}
"""One file is longer on purpose: every shape that flows between rooms is written once, in one place."""

HEAVY = ("torch", "faiss", "matplotlib", "sklearn", "scipy")
HOUSE = Path(imatlas.__file__).parent


def test_every_import_keeps_to_its_layer():
    assert forbidden_imports(HOUSE) == []


def test_every_room_and_crossing_that_stands_is_on_the_plan():
    """The rules above would say nothing of a folder that they do not find."""
    found = {unit_of(path, HOUSE) for path in sources(HOUSE)}
    assert {"values", "training", "store", "app", DOOR} | ROOMS <= found


def test_files_stay_short():
    assert too_long(HOUSE) == []


def test_matplotlib_is_drawn_with_in_one_file_only():
    assert matplotlib_elsewhere(HOUSE) == []


def test_only_the_command_line_prints():
    assert prints_elsewhere(HOUSE) == []


@pytest.mark.parametrize("module", ["imatlas", "imatlas.app.cli"])
def test_importing_the_package_or_its_command_line_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_can_be_had():
    assert [name for name in imatlas.__all__ if getattr(imatlas, name, None) is None] == []


def sources(house: Path) -> list[Path]:
    """Give every Python file of a house."""
    return sorted(house.rglob("*.py"))


def unit_of(path: Path, house: Path) -> str:
    """Give the room a file belongs to: its folder at the top of the house, or its own name there."""
    first = path.relative_to(house).parts[0]
    return first.removesuffix(".py")


def forbidden_imports(house: Path) -> list[str]:
    """List the imports that break the layering, as "file:line imports unit"."""
    units = {unit_of(path, house) for path in sources(house)}
    found = []
    for path in sources(house):
        unit = unit_of(path, house)
        if layer_of(unit) is None:
            found.append(f"{path.relative_to(house)} belongs to no layer")
            continue
        for line, name in imported(path, house):
            target = _target(name, units)
            if target is not None and not may_import(unit, target):
                found.append(f"{path.relative_to(house)}:{line} imports {target}")
    return found


def layer_of(unit: str) -> str | None:
    """Give the layer of a unit, None for one that is not on the plan."""
    layers = {"ground": GROUND, "room": ROOMS, "crossing": CROSSINGS, "front": FRONT, "door": {DOOR}}
    return next((layer for layer, members in layers.items() if unit in members), None)


def may_import(unit: str, target: str) -> bool:
    """Say whether one unit may import another."""
    if unit == target or unit in FRONT:
        return True
    if unit == DOOR:
        return target not in FRONT
    if target in GROUND:
        return True
    if unit in CROSSINGS:
        lower = target in CROSSINGS and CROSSINGS.index(target) < CROSSINGS.index(unit)
        return lower or target in ROOMS
    return False


def imported(path: Path, house: Path) -> Iterator[tuple[int, str]]:
    """Give (line, dotted name) of everything a file imports from the house, wherever in the file it does so."""
    package = ["imatlas", *path.relative_to(house).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{start}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if re.fullmatch(r"imatlas(\.\w+)+", node.value) else []
        else:
            continue
        for name in names:
            if name.split(".")[0] == "imatlas":
                yield node.lineno, name


def _target(name: str, units: set[str]) -> str | None:
    """Give the unit a dotted name leads to; None for the version, which is no part of the house."""
    parts = name.split(".")
    if len(parts) > 1 and (parts[1] in units or layer_of(parts[1])):
        return parts[1]
    return None if parts[1:] == ["__version__"] else DOOR


def too_long(house: Path) -> list[str]:
    """List the files that have more lines than allowed."""
    lengths = {str(path.relative_to(house)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(house)}
    return [f"{name}: {length} lines" for name, length in lengths.items() if length > LONGER.get(name, MOST_LINES)]


def matplotlib_elsewhere(house: Path) -> list[str]:
    """List the files other than app/figures.py that import matplotlib."""
    found = []
    for path in sources(house):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "matplotlib" for name in names) and path != house / "app" / "figures.py":
                found.append(f"{path.relative_to(house)}:{node.lineno}")
    return found


def prints_elsewhere(house: Path) -> list[str]:
    """List the calls of print outside app/cli."""
    found = []
    for path in sources(house):
        if str(path.relative_to(house).as_posix()).startswith(("app/cli/", "app/cli.py")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                found.append(f"{path.relative_to(house)}:{node.lineno}")
    return found


def build(folder: Path, **files: str) -> Path:
    """Build a made-up house; `manifold__base` becomes manifold/base.py."""
    house = folder / "imatlas"
    for name, text in {"values": "", "checks": "", DOOR: "", **files}.items():
        path = house / (f"{name}.py" if name == DOOR else name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return house


SOUND = {
    "features__pixels": "from imatlas.values import Features\nfrom imatlas import __version__\nfrom .base import Extractor",
    "features__base": "import numpy",
    "sampling": "from imatlas.generators import Vae",
    "generators__vae": "from imatlas.training.contract import Stage",
    "store__atlas": "import imatlas.images.cache\nfrom imatlas.sampling import sample",
    "recipes__run": "from imatlas import store, sampling",
    "app__cli": "import imatlas\nfrom imatlas import recipes",
    "__init__": "def __getattr__(name):\n    from imatlas.recipes import run",
}


def test_a_sound_house_has_no_faults(tmp_path):
    house = build(tmp_path, **SOUND)
    assert forbidden_imports(house) + too_long(house) + matplotlib_elsewhere(house) + prints_elsewhere(house) == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("manifold__maps", "from imatlas.features import Pixels", "manifold/maps.py:1 imports features"),
        ("manifold__late", "def fit():\n    import imatlas.features.pixels", "manifold/late.py:2 imports features"),
        ("manifold__near", "from ..features.pixels import Pixels", "manifold/near.py:1 imports features"),
        ("manifold__from_top", "from imatlas import features", "manifold/from_top.py:1 imports features"),
        ("manifold__string", 'load("imatlas.features")', "manifold/string.py:1 imports features"),
        ("training__loop", "from imatlas.generators.vae import Vae", "training/loop.py:1 imports generators"),
        ("values", "from imatlas.store import open_atlas", "values.py:1 imports store"),
        ("conditions__base", "from imatlas.sampling import sample", "conditions/base.py:1 imports sampling"),
        ("sampling", "from imatlas.store import open_atlas", "sampling.py:1 imports store"),
        ("store__atlas", "from imatlas.recipes import run", "store/atlas.py:1 imports recipes"),
        ("recipes__run", "from imatlas.app.report import write_report", "recipes/run.py:1 imports app"),
        ("evaluation__door", "import imatlas", f"evaluation/door.py:1 imports {DOOR}"),
        ("evaluation__name", "from imatlas import open_atlas", f"evaluation/name.py:1 imports {DOOR}"),
        (DOOR, 'NAMES = {"report": "imatlas.app.report"}', "__init__.py:1 imports app"),
        ("helpers", "", "helpers.py belongs to no layer"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path, file, text, fault):
    house = build(tmp_path, **{**SOUND, file: text})
    assert forbidden_imports(house) == [fault]


def test_a_long_file_a_stray_figure_and_a_stray_print_are_found(tmp_path):
    house = build(
        tmp_path,
        features__long="\n" * (MOST_LINES + 1),
        app__sheets="def draw():\n    from matplotlib.figure import Figure",
        app__figures="import matplotlib",
        app__cli__main="print(1)",
        app__clippings="print(2)",
    )
    assert too_long(house) == [f"features/long.py: {MOST_LINES + 1} lines"]
    assert matplotlib_elsewhere(house) == ["app/sheets.py:2"]
    assert prints_elsewhere(house) == ["app/clippings.py:1"]
