"""The model card, README.md of a model folder: what was learned, from what, how well, and what it is for.

It follows the habit of public model hubs (a small header, then prose), so that a folder can be published as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from imatlas.values import ImageSet, Score

__all__ = ["model_card"]


def model_card(name: str, config: Mapping[str, object], scores: Sequence[Score], images: ImageSet) -> str:
    """Write a model card as Markdown.

    Parameters
    ----------
    config : settings of the model, shown as they are; `seed` and `kind` are used when present.
    scores : measured scores, each shown with its interval and floor; may be empty.
    images : the image set it was trained on.
    """
    height, width, channels = images.shape
    colour = "gray" if channels == 1 else "colour"
    labels = f"{len(images.class_names)} classes" if images.labels is not None else "no labels"
    return "\n".join(
        [
            "---",
            "library_name: imatlas",
            "license: unknown",
            "tags: [image-generation, imatlas]",
            "---",
            f"# {name}",
            "",
            f"An image generator trained by imatlas on {len(images.training_rows):,} images, {width} x {height} "
            f"{colour}, {labels}; {len(images.held_out_rows):,} further images were held out for judging.",
            "",
            f"- Source of the images: {images.source or 'not recorded'}",
            "- Licence: not set. It depends on the rights to the images; whoever owns them should fill it in above.",
            "- Meant for: drawing images like those of this set, and for study. Not to pass drawn images off as real.",
            f"- Seed: {config.get('seed', 'not recorded')}",
            "",
            "## Scores",
            "",
            *_score_lines(scores),
            "",
            "## Settings",
            "",
            "```json",
            json.dumps(dict(config), indent=1, ensure_ascii=False),
            "```",
            "",
        ]
    )


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
