"""Does `imatlas run` beat a plain VAE on Fashion-MNIST? Both trained and measured here, in one run.

The judge is a classifier trained on the labels, which the product never sees: Frechet distance between its 64 features
of 10,000 generated images and of the 10,000 test images. The peer is a plain VAE of 0.65 million parameters with a normal
prior, trained for 5 minutes. Usage: python benchmarks/fashion_mnist.py DATA [--budget 10m] [--out benchmarks/results]
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from imatlas.evaluation import frechet_distance
from imatlas.images import read_images
from imatlas.recipes import load_model
from imatlas.sampling import to_images, to_pixels
from imatlas.store import open_atlas

COUNT = 10_000
PEER_SECONDS = 300


class Classifier(nn.Module):
    """Small convolutional network; its last hidden layer judges."""

    def __init__(self) -> None:
        super().__init__()

        def block(before: int, after: int, stride: int) -> nn.Module:
            layer = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())

        self.body = nn.Sequential(block(1, 32, 1), block(32, 64, 2), block(64, 64, 1), block(64, 128, 2), block(128, 128, 1))
        self.features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(self.body(images)))

    @torch.no_grad()
    def rows(self, pixels: np.ndarray) -> np.ndarray:
        self.eval()
        blocks = [self.features(self.body(to_images(pixels[i : i + 500]))) for i in range(0, len(pixels), 500)]
        return torch.cat(blocks).double().numpy()


def train_classifier(pixels: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> Classifier:
    torch.manual_seed(seed)
    model = Classifier().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    steps = epochs * (len(pixels) // 250)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        if step % (len(pixels) // 250) == 0:
            order = torch.randperm(len(pixels)).numpy()
        rows = order[(step % (len(pixels) // 250)) * 250 :][:250]
        model.train()
        images = to_images(pixels[rows]).to(memory_format=torch.channels_last)
        loss = functional.cross_entropy(model(images), torch.from_numpy(labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model


class PlainVae(nn.Module):
    """The peer: what a first tutorial would build."""

    def __init__(self, width: int = 34, code: int = 16) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(2 * width, 4 * width, 3, 1, 1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(4 * width * 49, 2 * code),
        )
        self.decode = nn.Sequential(
            nn.Linear(code, 4 * width * 49),
            nn.Unflatten(1, (4 * width, 7, 7)),
            nn.SiLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, 1, 3, 1, 1),
        )
        self.code = code


def train_peer(pixels: np.ndarray, seconds: float, seed: int) -> tuple[PlainVae, int]:
    torch.manual_seed(seed)
    model = PlainVae()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    start, steps = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        images = to_images(pixels[torch.randint(len(pixels), (128,)).numpy()])
        mean, log_variance = model.encode(images).chunk(2, dim=1)
        drawn = model.decode(mean + torch.randn_like(mean) * (log_variance / 2).exp())
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        loss = images[0].numel() / 2 * (drawn - images).square().mean().log() + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    return model, steps


@torch.no_grad()
def draw_peer(model: PlainVae, seed: int) -> np.ndarray:
    noise = torch.randn(COUNT, model.code, generator=torch.Generator().manual_seed(seed))
    return np.concatenate([to_pixels(model.decode(noise[i : i + 500])) for i in range(0, COUNT, 500)])


def run_product(source: str, budget: str, folder: Path, options: list[str]) -> tuple[float, float]:
    """Run the command as a user would; give its seconds and its peak memory in GB."""
    command = [sys.executable, "-m", "imatlas.app.cli", "run", source, "--budget", budget, "--out", str(folder), *options]
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="folder with the four Fashion-MNIST files")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--out", default="benchmarks/results")
    parser.add_argument("--atlas", help="judge this finished atlas instead of making one")
    parser.add_argument("--peer-seconds", type=float, default=PEER_SECONDS)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("options", nargs="*", help="further options for imatlas run, after --")
    asked = parser.parse_args()
    images = read_images(asked.source)
    train, test = images.take(images.training_rows), images.take(images.held_out_rows)
    results: dict[str, object] = {"command": " ".join(["python", *sys.argv]), "processor": platform.processor()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(asked.atlas or f"{scratch}/fashion.atlas")
        if not asked.atlas:
            options = [*asked.options, "--conditions", "cluster,map_place"]
            results["run_seconds"], results["run_peak_gb"] = run_product(asked.source, asked.budget, folder, options)
        atlas = open_atlas(folder)
        model = load_model(atlas.model(str(atlas.default_model)))
        start = time.monotonic()
        ours = model.sample(range(10**6, 10**6 + COUNT)).pixels
        results["images_per_second"] = COUNT / (time.monotonic() - start)
        results["seconds_of_steps"] = atlas.seconds
    peer, steps = train_peer(train.pixels, asked.peer_seconds, seed=0)
    results["peer_steps"], results["peer_parameters"] = steps, sum(p.numel() for p in peer.parameters())
    theirs = draw_peer(peer, seed=1)
    for seed in (0, 1):
        judge = train_classifier(train.pixels, train.labels, asked.epochs, seed)
        real = judge.rows(test.pixels)
        scores = {"ours": ours, "peer": theirs, "floor": train.pixels[:COUNT]}
        distances = {name: frechet_distance(real, judge.rows(pixels)) for name, pixels in scores.items()}
        results[f"judge_{seed}"] = distances | {"ratio": distances["ours"] / distances["peer"]}
        print(json.dumps(results[f"judge_{seed}"], indent=1), flush=True)
    place = Path(asked.out)
    place.mkdir(parents=True, exist_ok=True)
    (place / "fashion_mnist.json").write_text(json.dumps(results, indent=1, default=str) + "\n")
    print(json.dumps(results, indent=1, default=str))


if __name__ == "__main__":
    main()
