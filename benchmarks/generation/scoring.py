"""Scores of the samples a cell has kept, in a process of its own: `python -m generation.scoring NAME ...`.

Apart from measuring, so that a change of the judges costs minutes and not hours. Copies are looked for by imatlas's own check:
the share of samples that are nearer to a training image, for where they lie, than all but 1 % (of small sets 5 %) of the test
images are; once in the features of the first judge, once in pixels under shifts and mirroring. A sheet of samples is drawn.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from generation.judge import features, judge, real_features, score
from generation.plan import Job, sample_file
from generation.sets import Place, pictures
from imatlas.evaluation import copy_rate, copy_ratios
from imatlas.evaluation.nearest import nearest_rows
from imatlas.evaluation.shifts import nearest_shifted

N_COPIES, N_PIXEL_COPIES = 5000, 2000
K = 10
VIEW = "labels-0"
SHEET = (10, 16)


def copies(pixels: np.ndarray, set_name: str, place: Place) -> dict[str, float]:
    """Give the share of samples and of test images below the threshold, in two spaces, and the interval of the copy rate."""
    real, numbers = pictures(set_name, place), {}
    train, test = (
        real_features(set_name, VIEW, part, place)[: None if part == "train" else N_COPIES] for part in ("train", "test")
    )
    found = features(judge(set_name, VIEW, place), pixels[:N_COPIES])
    near = [nearest_rows(rows, train, n_neighbors=K)[0] for rows in (found, test)]
    shifted = [nearest_shifted(rows[:N_PIXEL_COPIES], real.train, n_neighbors=K)[0] for rows in (pixels, real.test)]
    for space, (generated, held_out) in (("features", near), ("pixels", shifted)):
        estimate = copy_rate(copy_ratios(generated), copy_ratios(held_out))
        numbers |= {
            f"{space}_copies": estimate.details["share_below"],
            f"{space}_copies_of_test": estimate.details["alpha"],
            f"{space}_copy_rate_low": estimate.interval[0],
            f"{space}_copy_rate_high": estimate.interval[1],
        }
    return numbers


def sheet(pixels: np.ndarray, file: Path) -> None:
    """Write the first samples as one picture, magnified twice."""
    rows, columns = SHEET
    shown = pixels[: rows * columns]
    shown = np.concatenate([shown, np.full((rows * columns - len(shown), *shown.shape[1:]), 255, np.uint8)])
    side, channels = shown.shape[1], shown.shape[3]
    picture = (
        shown.reshape(rows, columns, side, side, channels)
        .transpose(0, 2, 1, 3, 4)
        .reshape(rows * side, columns * side, channels)
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(file)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    job, place = Job.named(asked.name), Place(asked.data, asked.root, asked.rows)
    scores = {}
    with np.load(sample_file(place.scratch, job)) as kept:
        for name, pixels in kept.items():
            scores[name] = score(pixels, job.set_name, place=place)
            if job.method != "real":
                scores[name] |= copies(pixels, job.set_name, place)
            sheet(pixels, place.scratch / "sheets" / f"{job.file_name}-{name}.png")
    asked.out.write_text(json.dumps(scores, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
