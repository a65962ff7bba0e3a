"""A model: a generator with the conditions it can be asked for; how it is built, asked, kept and read again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS, ClassCondition, Condition
from imatlas.files import reading
from imatlas.generators import GENERATORS, Generator, NeighborhoodPrior
from imatlas.progress import Report, silent
from imatlas.recipes.augmenting import augmentation_fields, is_mirrored
from imatlas.recipes.conditioning import build_prior, describe_conditions, load_prior
from imatlas.recipes.editing import named_now
from imatlas.sampling import USUAL_CODES_FROM, choose_codes, neighborhoods_of, sample, say_codes
from imatlas.store import ModelFolder
from imatlas.training import drop_checkpoint
from imatlas.training.augmentation import AUGMENTATION
from imatlas.training.checkpoints import checkpoint_path, read_checkpoint
from imatlas.training.state import fill
from imatlas.values import AS_TRAINED, Dials, Example, Field, ImageSet, Manifold, Samples

__all__ = [
    "DEFAULT_GENERATOR",
    "FEWEST_TO_TRAIN",
    "MAP_GONE",
    "Model",
    "build_model",
    "load_model",
    "load_unfinished",
    "require_same_map",
    "save_model",
    "with_bank",
    "write_plan",
]

FEWEST_TO_TRAIN = 20
DEFAULT_GENERATOR = "latent_flow"
MAP_GONE = "gone"


@dataclass(frozen=True)
class Model:
    """A generator with the conditions it was trained with.

    Parameters
    ----------
    generator : the network, in its `image_shape`.
    conditions : what it can be asked for; their names are its fields.
    kind : key of `GENERATORS`.
    name : name of its folder, or its kind.
    precision : of the products when drawing, "float32" or "bfloat16".
    prior : draws neighborhoods; None for a model that was not trained with them.
    mirrored : whether half of each batch is mirrored in training, since mirror images belong to the set.
    map_key : `Manifold.key` of the manifold its conditions were made of; `MAP_GONE` where the map of its atlas was made again
        since, so that of all conditions the class alone can be asked for.
    """

    generator: Generator
    conditions: tuple[Condition, ...]
    kind: str
    name: str = ""
    precision: str = "float32"
    prior: NeighborhoodPrior | None = None
    mirrored: bool = False
    map_key: str = ""

    @property
    def dials(self) -> frozenset[str]:
        """Names of the `Dials` it has: those of its generator, and typical where a prior draws neighborhoods."""
        return self.generator.dials | ({"typical"} if self.prior is not None else frozenset())

    def sample(
        self,
        seeds: Sequence[int],
        wishes: Mapping[str, str | Example] | None = None,
        dials: Dials = AS_TRAINED,
        *,
        codes_from: str = "",
        report: Report = silent,
    ) -> Samples:
        """Draw one image per seed.

        Parameters
        ----------
        seeds : whole numbers; one image each.
        wishes : condition name -> words or an example, such as {"cluster": "12", "map_place": "0.3,-1.2"}.
        dials : what is turned, such as Dials(guidance=1.5).
        codes_from : where what was not wished for comes from; see `choose_codes`.
        report : hears of the progress.

        Raises
        ------
        InputError
            If a wish cannot be met or the model lacks a dial; the message says what can be asked for.
        """
        settled = self.generator.settle(replace(dials, typical=None))
        asked = wishes or {}
        lost = {condition.name for condition in self.conditions} & set(asked) - {ClassCondition.name}
        if lost and self.map_key == MAP_GONE:
            raise _of_another_map(self, lost)
        draw = neighborhoods_of(self.prior, dials.typical, asked, codes_from, precision=self.precision)
        codes = choose_codes(self.conditions, asked, seeds, codes_from=codes_from, prior=draw)
        said = say_codes(self.conditions, asked, codes, codes_from or USUAL_CODES_FROM)
        source, turned = self.name or self.kind, replace(settled, typical=dials.typical).chosen()
        how = [{"model": source, "seed": int(seed)} | turned | (said[row] if said else {}) for row, seed in enumerate(seeds)]
        drawn = sample(self.generator, codes, seeds, settled, precision=self.precision, report=report)
        return replace(drawn, source=source, how=tuple(how))


def build_model(
    images: ImageSet,
    manifold: Manifold,
    *,
    kind: str = DEFAULT_GENERATOR,
    conditions: Sequence[str] | None = None,
    seed: int = 0,
) -> Model:
    """Give an untrained model that fits images and manifold.

    Parameters
    ----------
    images, manifold : what it will be trained on.
    kind : key of `GENERATORS`.
    conditions : keys of `CONDITIONS`; None = all that the set has.
    seed : of the weights.

    Raises
    ------
    InputError
        If there are too few images, or a condition that was asked for is not to be had.
    """
    if len(manifold) < FEWEST_TO_TRAIN:
        raise InputError(
            f"There are {len(manifold)} training images; a generator needs {FEWEST_TO_TRAIN} at least. Add images."
        )
    if kind not in GENERATORS:
        raise InputError(f"There is no generator {kind!r}; choose one of: {', '.join(GENERATORS)}.")
    chosen = describe_conditions(images, manifold, conditions)
    height, width, channels = images.shape
    settings = GENERATORS[kind].sizes_for((channels, height, width), manifold.dimension.value, len(manifold))
    fields = [*(condition.field for condition in chosen), *augmentation_fields(kind, len(manifold))]
    generator = _build(kind, (channels, height, width), fields, settings, seed)
    prior, mirrored = build_prior(chosen, seed), is_mirrored(images, manifold)
    return Model(generator, chosen, kind, prior=prior, mirrored=mirrored, map_key=manifold.key)


def with_bank(model: Model, images: ImageSet, manifold: Manifold) -> Model:
    """Give a model whose neighborhoods can also be drawn from the training rows, where these are at hand.

    Parameters
    ----------
    images, manifold : what it was trained on; see `trained_on`.

    Raises
    ------
    InputError
        If the model was trained on another map.
    """
    require_same_map(model, manifold)
    lacking = [condition.name for condition in model.conditions if not condition.keeps_rows]
    described = {condition.name: condition for condition in describe_conditions(images, manifold, lacking)}
    return replace(model, conditions=tuple(described.get(condition.name, condition) for condition in model.conditions))


def require_same_map(model: Model, manifold: Manifold) -> None:
    """Refuse to read a model's conditions from a manifold they were not made of.

    Raises
    ------
    InputError
        If the map was made again since the model was trained.
    """
    if model.map_key != manifold.key:
        raise _of_another_map(model, [condition.name for condition in model.conditions])


def save_model(model: Model, folder: ModelFolder, plan: Mapping[str, object]) -> None:
    """Write configuration, conditions and weights into a model folder; its checkpoint is then no longer needed."""
    write_plan(model, folder, plan)
    folder.save_weights(model.generator.state_dict())
    drop_checkpoint(folder.folder)


def write_plan(model: Model, folder: ModelFolder, plan: Mapping[str, object]) -> None:
    """Write what is needed to build the model again, and the plan it is trained by, before its weights are there."""
    generator = model.generator
    folder.write_config(
        {
            "kind": model.kind,
            "image_shape": list(generator.image_shape),
            "fields": [[field.name, field.kind, field.size] for field in generator.fields],
            "network": generator.settings(),
            "dials": generator.defaults().chosen(),
            "precision": model.precision,
            "mirrored": model.mirrored,
            "map": model.map_key,
            "plan": dict(plan),
        }
    )
    for condition in model.conditions:
        folder.save_packed(f"condition-{condition.name}", *condition.pack())


def load_model(folder: ModelFolder | str | Path) -> Model:
    """Read a trained model from its folder: one of an atlas, or one that was exported, which needs nothing else.

    Raises
    ------
    InputError
        If the folder holds no trained model, or a file is missing or damaged, or of another format.
    """
    folder = folder if isinstance(folder, ModelFolder) else ModelFolder(Path(folder))
    if folder.config and not folder.is_trained:
        cure = "Give the command that began it once more, with the same options, and it goes on."
        if _is_remapped(folder):
            cure = "The map was made again since, so it cannot go on; train a new one: imatlas train ATLAS."
        raise InputError(f"The model {folder.name} is not trained to its end. {cure}")
    with reading(f"The model {folder.name}", "Restore its files from a copy, or train another beside it, with another --seed."):
        return _model_with(Generator.load(folder.folder), folder)


def load_unfinished(folder: ModelFolder) -> Model | None:
    """Read a model that is in training, as its averaged weights were when it kept its state last; None before that.

    Raises
    ------
    InputError
        If the state is damaged, or one of another version.
    """
    path = checkpoint_path(folder.folder)
    if not path.is_file():
        return None
    with reading(f"The model {folder.name}", "Wait until it is trained."):
        config = folder.config
        fields = [Field(*field) for field in config["fields"]]
        generator = _build(config["kind"], tuple(config["image_shape"]), fields, config["network"], 0)
        fill(generator, read_checkpoint(path).parts["now"], "average/")
        return _model_with(generator.eval(), folder)


def _model_with(generator: Generator, folder: ModelFolder) -> Model:
    """Put what is kept beside a model round its generator."""
    config = folder.config
    names = [field.name for field in generator.fields if field != AUGMENTATION]
    conditions = tuple(CONDITIONS[name].unpack(*folder.load_packed(f"condition-{name}")) for name in names)
    is_remapped = _is_remapped(folder)
    prior = load_prior(conditions, folder)
    return Model(
        generator,
        conditions if is_remapped else named_now(conditions, folder),
        config["kind"],
        config.get("name", folder.name),
        config["precision"],
        prior,
        config["mirrored"],
        MAP_GONE if is_remapped else config["map"],
    )


def _is_remapped(folder: ModelFolder) -> bool:
    """Whether a model stands in an atlas whose map is not the one it was trained on."""
    return folder.map_key not in ("", folder.config.get("map"))


def _of_another_map(model: Model, names: Collection[str]) -> InputError:
    """Say that what was asked of a model belongs to a map that is no longer there."""
    known = ", ".join(sorted(names)) or "what it knows"
    return InputError(
        f"The map was made again since {model.name or model.kind} was trained, and {known} would mean other images to it than "
        "on the map of now. Train a new one: imatlas train ATLAS. With the class alone, or no wish, the old one still draws."
    )


def _build(
    kind: str, image_shape: tuple[int, int, int], fields: Sequence[Field], settings: Mapping[str, object], seed: int
) -> Generator:
    """Build a network with its own random weights, leaving the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GENERATORS[kind].rebuild(image_shape, fields, settings)
