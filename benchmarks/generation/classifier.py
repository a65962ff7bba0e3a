"""A classifier trained on the labels, in the benchmark only; its last hidden layer, 64 numbers, judges.

Five 3 x 3 convolutions with batch norm, mean over the places, 64 rectified numbers, the classes. Colour sets get one half as
wide again, mirrored images and shifts of up to two pixels, for there are fewer of them. A change of this file trains anew.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 64
BATCH = 250


@dataclass(frozen=True)
class Schooling:
    """How a classifier is trained: channels of its first layer, passes over the images, and whether they are varied."""

    width: int
    epochs: int
    varied: bool


SCHOOLING = {1: Schooling(32, 6, False), 3: Schooling(48, 16, True)}
"""Channels of the images -> schooling."""


class Classifier(nn.Module):
    """Images float32 (b, C, H, W) in [-1, 1] to class scores (b, k), by way of the features that judge."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = SCHOOLING[channels].width
        sizes = [(channels, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1)]
        sizes += [(2 * width, 4 * width, 2), (4 * width, 4 * width, 1)]
        self.body = nn.Sequential(*(_block(*size) for size in sizes))
        self.features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.judge(images))

    def judge(self, images: Tensor) -> Tensor:
        return self.features(self.body(images.contiguous(memory_format=torch.channels_last)))


def train_classifier(pixels: np.ndarray, labels: np.ndarray, seed: int) -> Classifier:
    """Train on pixels uint8 (n, H, W, C) and labels (n,); a process of its own, for it sets the global seed."""
    torch.manual_seed(seed)
    schooling = SCHOOLING[pixels.shape[3]]
    model = Classifier(pixels.shape[3], int(labels.max()) + 1).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    steps = len(pixels) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=schooling.epochs * steps)
    for _ in range(schooling.epochs):
        for rows in torch.randperm(len(pixels))[: steps * BATCH].view(steps, BATCH).numpy():
            images = as_images(pixels[rows])
            loss = functional.cross_entropy(
                model(_varied(images) if schooling.varied else images), torch.from_numpy(labels[rows])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: Classifier, pixels: np.ndarray, labels: np.ndarray) -> float:
    """Give the share of images whose class is found."""
    found = [model(as_images(pixels[i : i + 500])).argmax(1).numpy() for i in range(0, len(pixels), 500)]
    return float((np.concatenate(found) == labels).mean())


def as_images(pixels: np.ndarray) -> Tensor:
    """Give images float32 (b, C, H, W) in [-1, 1] of pixels uint8 (b, H, W, C)."""
    return torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1


def _block(before: int, after: int, stride: int) -> nn.Module:
    layer = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())


def _varied(images: Tensor) -> Tensor:
    """Mirror half of the images and shift all of them by one common draw."""
    mirrored = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return functional.pad(mirrored, (2, 2, 2, 2), mode="replicate")[
        :, :, 2 + down : 2 + down + images.shape[2], 2 + right : 2 + right + images.shape[3]
    ]
