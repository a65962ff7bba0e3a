"""imatlas on a GPU: what `quality` measures, and what share of the device's matrix peak each stage of training reaches.

The peak is measured, not read from a data sheet: products of two bfloat16 matrices of 8192 x 8192. A stage's work is what
torch's own counter finds in one loss and its gradients, without conditions, times the images a second it trained.
"""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from generation import ours
from generation.cell import Cell
from generation.plan import atlas_folder
from imatlas.generators import Generator
from imatlas.networks.pixels import to_images
from imatlas.recipes import load_model
from imatlas.store import open_atlas

SIDE, PRODUCTS = 8192, 50


def measure(cell: Cell) -> None:
    if not torch.cuda.is_available():
        cell.numbers = {"absent": "no GPU"}
        return
    ours.measure(cell)
    atlas = open_atlas(atlas_folder(cell.place.scratch, cell.job))
    model = load_model(atlas.model(str(atlas.default_model))).generator.cuda()
    peak = matrix_peak()
    cell.numbers |= {"device": torch.cuda.get_device_name(), "matrix_peak_teraflops": peak / 1e12}
    for stage in model.stages():
        rate = cell.numbers.get(f"{stage.name.replace(' ', '_')}_images_per_second")
        if rate is not None:
            images = to_images(cell.pixels()[: stage.batch_size]).cuda()
            work = sum(work_of(model, player, images) for player in stage.players) / len(images)
            cell.numbers[f"{stage.name.replace(' ', '_')}_share_of_peak"] = work * rate / peak


def matrix_peak() -> float:
    """Give operations a second of large bfloat16 products."""
    left, right = torch.randn(2, SIDE, SIDE, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        left @ right
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        left @ right
    torch.cuda.synchronize()
    return PRODUCTS * 2 * SIDE**3 / (time.perf_counter() - start)


def work_of(model: Generator, player: str, images: torch.Tensor) -> int:
    """Count the operations of one player's loss and gradients on a batch."""
    counter = FlopCounterMode(display=False)
    with counter:
        model.loss(player, images, {}, torch.Generator().manual_seed(0)).backward()
    return counter.get_total_flops()
