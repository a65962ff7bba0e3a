"""The model card, README.md of a model folder: what was learned, from what, how well, what it can be asked for, and how.

It follows the habit of public model hubs (a small header, then prose), so that a folder can be published as it is. The
lines of code in it run as they are written, from inside the folder.

References
----------
Mitchell et al. 2019, "Model cards for model reporting", arXiv 1810.03993.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

import numpy as np

from imatlas.conditions import CONDITIONS
from imatlas.values import ImageSet, Score

__all__ = ["model_card"]

TRACE = 0.005
"""Share of copies that its interval must exceed before it is called above the held-out rate, as in the verdict."""

MOST_NAMES = 20

ASKED = {
    "class": ("--class NAME", '"class": "NAME"'),
    "cluster": ("--cluster NUMBER", '"cluster": "12"'),
    "cluster_middle": ("--cluster middle:NUMBER", '"cluster_middle": "7"'),
    "cluster_coarse": ("--cluster coarse:NUMBER", '"cluster_coarse": "3"'),
    "style": ("--style picture.png", "by a picture"),
    "neighborhood": ("--near picture.png", "by a picture"),
    "map_place": ("--at X,Y", '"map_place": "0.3,-1.2"'),
    "density": ("--density low", '"density": "low"'),
}
"""Condition -> how it is asked for on the command line and in Python."""

FILES = {
    "model.safetensors": "weights of the networks",
    "config.json": "what they are built from, and how they were trained",
    "prior.safetensors": "the small network that draws neighborhoods",
    "extractor.safetensors": "turns a picture into the features that style and neighborhood are made of",
    "scores.json": "the scores above with all their digits",
    "samples.png": "64 images, seeds 0 to 63, none chosen",
    "model.onnx": "generator and sampler in one, for programs without Python",
}


def model_card(
    name: str, config: Mapping[str, object], scores: Sequence[Score], images: ImageSet, files: Collection[str] = ()
) -> str:
    """Write a model card as Markdown.

    Parameters
    ----------
    config : settings of the model as its folder keeps them; what is missing is said to be not recorded.
    scores : measured scores, each shown with its interval and floor; may be empty.
    images : the image set it was trained on.
    files : names of the files that stand beside the card.
    """
    parts = [
        _opening(name, config, images, files),
        _origin(images),
        ["## How good it is", "", *_score_lines(scores), "", _copies(scores)],
        ["## What it can be asked for", "", *_condition_lines(config, images)],
        ["## How it draws", "", *_drawing_lines(config, scores)],
        ["## How it was trained", "", *_training_lines(config)],
        _use(files),
        _licence(),
        ["## Settings", "", "```json", json.dumps(dict(config), indent=1, ensure_ascii=False), "```"],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _opening(name: str, config: Mapping[str, object], images: ImageSet, files: Collection[str]) -> list[str]:
    head = ["---", "library_name: imatlas", "license: unknown", "tags: [image-generation, imatlas]", "---"]
    height, width, channels = images.shape
    kind = str(config.get("kind", "generator")).replace("_", " ")
    sheet = ["", "![Samples, none chosen](samples.png)"] if "samples.png" in files else []
    return [
        *head,
        f"# {name}",
        "",
        f"An image generator ({kind}) that imatlas trained on {len(images.training_rows):,} images, {width} x {height} "
        f"{'gray' if channels == 1 else 'colour'}.",
        *sheet,
    ]


def _origin(images: ImageSet) -> list[str]:
    labels = "no labels"
    if images.labels is not None:
        more = f" and {len(images.class_names) - MOST_NAMES} more" if len(images.class_names) > MOST_NAMES else ""
        names = ", ".join(_plain(name) for name in images.class_names[:MOST_NAMES])
        labels = f"{len(images.class_names)} classes ({names}{more})"
    return [
        "## What it learned from",
        "",
        f"- Source of the images: {_plain(PurePath(images.source).name) or 'not recorded'}; {labels}",
        f"- {len(images.training_rows):,} images were trained on; {len(images.held_out_rows):,} further ones were held out "
        "for judging and never seen in training.",
        "- Meant for: drawing images like those of this set, and for study. Not to pass drawn images off as real.",
    ]


def _plain(text: str) -> str:
    """Words of others as Markdown that shows them and does nothing else."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Code in the cell of a table, with a longer fence than any within."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}".replace("|", "\\|")


def _score_lines(scores: Sequence[Score]) -> list[str]:
    """Give the score table, or a sentence when nothing was measured."""
    if not scores:
        return ["Not measured yet; run imatlas evaluate."]
    lines = ["| measure | space | value | 95 % interval | perfect would be | better |", "|---|---|---|---|---|---|"]
    for score in scores:
        interval = "" if score.interval is None else f"{score.interval[0]:.4g} to {score.interval[1]:.4g}"
        floor = "" if score.floor is None else f"{score.floor:.4g}"
        name = score.name.replace("_", " ")
        lines.append(f"| {name} | {score.space} | {score.value:.4g} | {interval} | {floor} | {score.better} |")
    return lines


def _copies(scores: Sequence[Score]) -> str:
    """Say whether its images lie closer to training images than new real images do."""
    judged = [(score.interval, score) for score in scores if score.name == "copy_rate" and score.interval is not None]
    if not judged:
        return "Copies: not judged."
    low, high = max(interval[0] for interval, _ in judged), max(interval[1] for interval, _ in judged)
    if low > TRACE:
        worst = max(judged, key=lambda pair: pair[0][0])[1]
        return (
            f"Copies: above the held-out rate. About {worst.value:.1%} of its images lie closer to a training image than new "
            f"real images do ({worst.space}); look at them before you publish any."
        )
    return (
        "Copies: at the held-out rate. No more of its images lie close to a training image than new real images do; hidden "
        f"among them could be up to {high:.1%}."
    )


def _condition_lines(config: Mapping[str, object], images: ImageSet) -> list[str]:
    """Give a table of the conditions, with how to ask for each."""
    fields: Sequence[Sequence[object]] = config.get("fields") or []  # type: ignore[assignment]
    names = [str(field[0]) for field in fields if field[0] in CONDITIONS]
    if not names:
        return ["Nothing; it was trained without conditions."]
    lines = ["| condition | decides | command line | Python |", "|---|---|---|---|"]
    for name in names:
        option, wish = ASKED[name]
        known = np.unique(images.labels[images.training_rows]) if images.labels is not None else np.empty(0)
        if name == "class" and (known >= 0).any():
            example = images.class_names[known[known >= 0][0]]
            option, wish = option.replace("NAME", shlex.quote(example)), f'"class": {json.dumps(example, ensure_ascii=False)}'
        cells = (name, CONDITIONS[name].steers, _code(option), wish if wish.startswith("by ") else _code(wish))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", "All are optional and can be combined; what is not asked for is drawn as in the set or left open."]


def _drawing_lines(config: Mapping[str, object], scores: Sequence[Score]) -> list[str]:
    dials: Mapping[str, object] = config.get("dials") or {}  # type: ignore[assignment]
    speed = next((score.value for score in scores if score.name == "images_per_second"), None)
    return [
        f"- Dials as it has them by default: {', '.join(f'{name} {value:g}' for name, value in dials.items()) or 'none'}",
        f"- Precision of its products: {config.get('precision', 'not recorded')}",
        f"- Speed: {'not measured' if speed is None else f'{speed:,.0f} images per second on the machine that judged it'}",
        "- Image i of a batch with seed s is made from seed s + i alone, so any image can be drawn again.",
    ]


def _training_lines(config: Mapping[str, object]) -> list[str]:
    plan: Mapping[str, object] = config.get("plan") or {}  # type: ignore[assignment]
    seed = plan.get("seed", config.get("seed", "not recorded"))
    budget = f"{plan['steps']:,} steps" if plan.get("steps") else "not recorded"
    if not plan.get("steps") and {"budget", "seconds"} <= set(plan):
        budget = f"{plan['budget']:.0f} s, of which {plan['seconds']:.0f} s were for this model"
    stages: Mapping[str, Mapping[str, int]] = plan.get("stages") or {}  # type: ignore[assignment]
    steps = ", ".join(f"{name} {stage['steps']:,}" for name, stage in stages.items())
    versions: Mapping[str, str] = config.get("versions") or {}  # type: ignore[assignment]
    return [
        f"- Budget: {budget}",
        f"- Steps: {steps or 'not recorded'}",
        f"- Seed: {seed}",
        f"- Versions: {', '.join(f'{name} {value}' for name, value in versions.items()) or 'not recorded'}",
    ]


def _use(files: Collection[str]) -> list[str]:
    """Give code that runs from inside the folder, and what the files are."""
    lines = ["## How to use it", "", "From inside this folder, which needs nothing else:", "", "```python"]
    lines += ["import imatlas", "from imatlas.pictures import samples_to_folder"]
    lines += ['model = imatlas.load_model(".")', 'samples_to_folder(model.sample(range(16)), "new")', "```", ""]
    lines += ["or `imatlas generate . --count 16 --out new`."]
    if "model.onnx" in files:
        lines += ["", "Without imatlas or torch, `noise` being standard normal, a code of NaN absent, the images in [-1, 1]:"]
        lines += ["", "```python", "import numpy, onnxruntime"]
        lines += ['session = onnxruntime.InferenceSession("model.onnx")']
        lines += ["shapes = {one.name: (16, *one.shape[1:]) for one in session.get_inputs()}"]
        lines += ["codes = {name: numpy.full(shape, numpy.nan, numpy.float32) for name, shape in shapes.items()}"]
        lines += ['noise = numpy.random.default_rng(0).standard_normal(shapes["noise"], numpy.float32)']
        lines += ['images = session.run(["images"], codes | {"noise": noise})[0]', "```"]
    known = [f"- `{name}`: {what}" for name, what in FILES.items() if name in files]
    if any(name.startswith("condition-") for name in files):
        known.append("- `condition-*.safetensors`: what turns a wish into a code (labels and places of images, no image)")
    return [*lines, "", *known] if known else lines


def _licence() -> list[str]:
    return [
        "## Licence",
        "",
        "- Of these weights: not set. It depends on the rights to the images; whoever owns them should fill it in here and "
        "in the header above.",
        "- Of the images: not set. Say where they came from and on which terms.",
        "- imatlas itself: Apache-2.0.",
    ]
