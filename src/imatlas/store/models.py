"""One model folder of an atlas, models/0001-flow/: configuration, weights, checkpoints, metrics, scores, samples, card.

The folder is laid out so that it can be handed on as it is: `config.json`, `model.safetensors`, `README.md` (the model
card). `metrics.jsonl` grows by one row per report; a row cut off by a crash is dropped when it is read.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.checks import InputError
from imatlas.files import (
    MODEL_FORMAT,
    clear_parts,
    locked,
    read_json,
    read_model_config,
    reading,
    write_bytes,
    write_json,
)
from imatlas.store.card import model_card
from imatlas.store.edits import Edits, read_edits, write_edits
from imatlas.store.manifold_files import read_map_key
from imatlas.store.packed import ArrayLike, read_packed, write_packed
from imatlas.values import ImageSet, Score

__all__ = ["ModelFolder", "list_models", "make_model_folder"]

_NAME = re.compile(r"(\d{4,})-[a-z0-9][a-z0-9_-]*")


class ModelFolder:
    """Handle of one model folder.

    Parameters
    ----------
    folder : path of the model folder, which must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        """Name of the model, such as "0001-flow"."""
        return self.folder.name

    @property
    def samples(self) -> Path:
        """Folder for images drawn from this model."""
        return self.folder / "samples"

    @property
    def metrics_path(self) -> Path:
        """File with one JSON row per training report."""
        return self.folder / "metrics.jsonl"

    @property
    def is_trained(self) -> bool:
        """Whether configuration and weights are there, so that images can be drawn."""
        return (self.folder / "config.json").is_file() and (self.folder / "model.safetensors").is_file()

    @property
    def config(self) -> dict:
        """Settings the model was built and trained with.

        Raises
        ------
        InputError
            If this is no model folder, or one of another format.
        """
        return read_model_config(self.folder)

    @property
    def plan_key(self) -> str:
        """Hash of what its training was asked for, whatever its format; empty before that was written."""
        path = self.folder / "config.json"
        return str(read_json(path).get("plan", {}).get("key", "")) if path.is_file() else ""

    @property
    def atlas_folder(self) -> Path | None:
        """The atlas the folder stands in; None for one that stands by itself."""
        models = self.folder.absolute().parent
        return models.parent if models.name == "models" else None

    @property
    def map_key(self) -> str:
        """`Manifold.key` of the atlas the folder stands in; empty for one that stands by itself."""
        return "" if self.atlas_folder is None else read_map_key(self.atlas_folder)

    @property
    def edits(self) -> Edits | None:
        """What a person had changed of the set when the training began; None where that was not kept."""
        return read_edits(self.folder) if (self.folder / "edits.json").is_file() else None

    @property
    def is_edited_since(self) -> bool:
        """Whether images were taken out or in, or clusters merged or split, since the training began; names change nothing."""
        then = self.edits
        if then is None or self.atlas_folder is None:
            return False
        now = read_edits(self.atlas_folder)
        return (set(now.excluded), now.regroupings) != (set(then.excluded), then.regroupings)

    def keep_edits(self, edits: Edits) -> None:
        """Keep what a person has changed of the set, as the model is trained with it, without the history of that."""
        write_edits(self.folder, replace(edits, past=(), future=()))

    def write_config(self, config: Mapping[str, object]) -> None:
        """Keep the settings (JSON values) the model is built and trained with."""
        versions = {"imatlas": __version__} | {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
        header = {"format": MODEL_FORMAT, "made_by": f"imatlas {__version__}", "versions": versions}
        write_json(self.folder / "config.json", header | dict(config))

    def save_weights(self, state: Mapping[str, np.ndarray | ArrayLike]) -> None:
        """Write the model's weights: name -> array or torch tensor (a `state_dict()` as it is)."""
        write_packed(self.folder / "model.safetensors", {}, state)

    def load_weights(self) -> dict[str, np.ndarray]:
        """Read the model's weights: name -> array."""
        return self.load_packed("model")[1]

    def save_packed(self, name: str, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep something fitted beside the model, such as a condition or a latent prior."""
        write_packed(self.folder / f"{name}.safetensors", settings, arrays)

    def has_packed(self, name: str) -> bool:
        """Whether something was kept under this name."""
        return (self.folder / f"{name}.safetensors").is_file()

    def load_packed(self, name: str) -> tuple[dict, dict[str, np.ndarray]]:
        """Read what `save_packed` kept: (settings, arrays)."""
        return read_packed(self.folder / f"{name}.safetensors", cure="train another model beside it, with another --seed")

    @property
    def metrics(self) -> list[dict]:
        """Rows of metrics.jsonl, oldest first; a last row cut off by a crash is left out."""
        if not self.metrics_path.is_file():
            return []
        rows = []
        for line in self.metrics_path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(row, dict):
                rows.append(row)
        return rows

    def save_scores(
        self, scores: Sequence[Score], references: Mapping[str, Sequence[Score]] | None = None, *, seed: int = 0
    ) -> None:
        """Keep the scores of this model, of reference rows by name, and the seed of the first image that was judged."""
        rows = {name: [asdict(score) for score in group] for name, group in (references or {}).items()}
        own = [asdict(score) for score in scores]
        write_json(self.folder / "scores.json", {"scores": own, "references": rows, "seed": seed})

    @property
    def scores(self) -> tuple[Score, ...]:
        """Scores of this model; empty before it is evaluated."""
        with self._reading_scores():
            return tuple(_score(row) for row in self._score_file().get("scores", []))

    @property
    def references(self) -> dict[str, tuple[Score, ...]]:
        """Scores of the reference rows, by name; empty before the model is evaluated."""
        with self._reading_scores():
            groups = self._score_file().get("references", {})
            return {name: tuple(_score(row) for row in group) for name, group in groups.items()}

    @property
    def judged_seed(self) -> int:
        """Seed of the first image that was judged; row r of the judged images has this seed + r."""
        return int(self._score_file().get("seed", 0))

    def write_card(self, images: ImageSet) -> None:
        """Write README.md, the model card, from the configuration, the scores and the images it was trained on."""
        config, files = self.config, {path.name for path in self.folder.iterdir()}
        text = model_card(config.get("name", self.name), config, self.scores, images, files)
        write_bytes(self.folder / "README.md", text.encode())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process while it trains; a dead process holds nothing, and what it left is cleared away.

        Raises
        ------
        InputError
            If another process holds it.
        """
        with locked(self.folder):
            clear_parts(self.folder)
            yield

    def _reading_scores(self) -> AbstractContextManager[None]:
        return reading(f"{self.folder / 'scores.json'}", f"Measure again: imatlas evaluate ATLAS --model {self.name}")

    def _score_file(self) -> dict:
        path = self.folder / "scores.json"
        return read_json(path) if path.is_file() else {}


def list_models(folder: Path) -> tuple[str, ...]:
    """Name the model folders of an atlas, oldest first."""
    models = Path(folder) / "models"
    if not models.is_dir():
        return ()
    names = [entry.name for entry in models.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name)]
    return tuple(sorted(names, key=lambda name: (int(name.split("-")[0]), name)))


def make_model_folder(folder: Path, kind: str) -> ModelFolder:
    """Make the next numbered model folder, models/0002-KIND/; two processes never get the same one."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", kind):
        raise ValueError(f"A model's kind came as {kind!r}; wanted small letters, digits, - and _, such as 'flow'.")
    models = Path(folder) / "models"
    number = max((int(name.split("-")[0]) for name in list_models(folder)), default=0)
    try:
        models.mkdir(exist_ok=True)
        while True:
            number += 1
            claim = models / f"{number:04d}-{kind}"
            try:
                claim.mkdir()
                return ModelFolder(claim)
            except FileExistsError:
                continue
    except OSError as error:
        raise InputError(f"Could not make a model folder in {models} ({error.strerror or error}). Make it writable.") from error


def _score(row: dict) -> Score:
    """Build a score from its JSON row; the interval comes back as a tuple."""
    interval = row.get("interval")
    return Score(**{**row, "interval": None if interval is None else tuple(interval)})
