"""Laying out a neighbor graph: neighbors attract, all points repel, every row moves at once.

With affinities p_ij of the graph (sum 1), q_ij = 1 / (1 + |y_i - y_j|^2) and Z = sum_{i != j} q_ij, the rows follow

    dC / dy_i = 4 [ rho sum_j p_ij q_ij (y_i - y_j)  -  (1 / Z) sum_j q_ij^2 (y_i - y_j) ]

which for rho = 1 is the gradient of the divergence between p and q / Z. A factor rho > 1 draws neighbors closer and shows
groups; it starts high, so that rows find their group, and falls. The repulsion is that of all rows, not of a sample (see
`imatlas.manifold.repulsion`), so a few hundred full steps with momentum and one gain per coordinate suffice, and each row
owns its update: the same bits at any number of threads.

References: van der Maaten, Hinton, "Visualizing data using t-SNE", 2008; Böhm, Berens, Kobak, "Attraction-repulsion
spectrum in neighbor embeddings", 2022, arXiv 2007.08902 (rho); Belkina et al., 2019 (step n / rho).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from scipy import sparse

from imatlas.manifold.repulsion import empty_field, sampled_repulsion, splines, spread
from imatlas.neighbors.workers import map_blocks, row_blocks, workers
from imatlas.progress import Progress, Report, silent

__all__ = ["Edges", "affinities", "calibrate", "lay_out"]

_PARTS = 4


def calibrate(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Turn neighbor distances into probabilities of a given perplexity.

    Parameters
    ----------
    distances : float32 (n, k), rising along rows.
    perplexity : effective number of neighbors, at most k.

    Returns
    -------
    float64 (n, k), rows sum to 1: exp(-b_i d^2) normalised, b_i found by 40 bisections of its entropy.
    """
    goal = float(np.log(min(perplexity, distances.shape[1] - 1e-3)))
    blocks = row_blocks(len(distances), 1024)
    return np.concatenate(map_blocks(lambda block: _bisect(distances[block].astype(np.float64), goal), blocks))


def _bisect(distances: np.ndarray, goal: float) -> np.ndarray:
    """Give weights (b, k) whose entropy is the goal, rows sum to 1."""
    squared = np.square(distances / np.maximum(distances[:, -1:], 1e-30))
    squared -= squared[:, :1]
    low, high = np.full(len(squared), -20.0), np.full(len(squared), 20.0)
    for _ in range(40):
        middle = (low + high) / 2
        weights = np.exp(-np.exp(middle)[:, None] * squared)
        total = weights.sum(axis=1)
        entropy = np.log(total) + np.exp(middle) * (weights * squared).sum(axis=1) / total
        low, high = np.where(entropy > goal, middle, low), np.where(entropy > goal, high, middle)
    return weights / weights.sum(axis=1, keepdims=True)


def affinities(indices: np.ndarray, distances: np.ndarray, perplexity: float) -> sparse.csr_matrix:
    """Give the symmetric affinities p (n, n) of a graph, float32 CSR, sum 1."""
    n, k = indices.shape
    directed = sparse.csr_matrix(
        (calibrate(distances, perplexity).ravel(), indices.ravel(), np.arange(0, n * k + 1, k)), (n, n)
    )
    both = (directed + directed.T).tocsr()
    both.sort_indices()
    return (both / (2 * n)).astype(np.float32)


def lay_out(
    attraction: sparse.csr_matrix,
    start: np.ndarray,
    *,
    schedule: list[tuple[int, float, float]],
    rng: np.random.Generator,
    report: Report = silent,
) -> np.ndarray:
    """Move rows from a start until attraction and repulsion balance.

    Parameters
    ----------
    attraction : symmetric affinities (n, n), sum 1.
    start : (n, q) places; its extent should be small beside 1, then the map unfolds from it.
    schedule : phases (steps, rho, momentum).
    rng : for the sampled repulsion of three and more dimensions; one and two draw nothing.

    Returns
    -------
    float32 (n, q), centred.
    """
    with workers() as run:
        edges, state = Edges(attraction), _State(start)
        total, done, began = sum(steps for steps, _, _ in schedule), 0, time.perf_counter()
        for steps, rho, momentum in schedule:
            for _ in range(steps):
                state.step(run, edges, rng, rho=rho, momentum=momentum)
                done += 1
                seconds = time.perf_counter() - began
                report(Progress("map", done, total, seconds, done / seconds, seconds * (total - done) / done))
        return np.ascontiguousarray(state.places.numpy().T[:, : start.shape[1]])


class Edges:
    """The attraction of a graph, laid out so that each row gathers its own pull and nothing is scattered.

    Parameters
    ----------
    attraction : symmetric affinities (n, n).

    Attributes
    ----------
    ends : int64 (v, width), neighbors of row i in line i; rows with more go on in lines after the n-th.
    weights : float32 (v, width), 0 where a line has fewer.
    owners : int64 (v - n,), the row that each line after the n-th belongs to.
    """

    def __init__(self, attraction: sparse.csr_matrix) -> None:
        n, degrees = attraction.shape[0], np.diff(attraction.indptr)
        self.width = max(4, int(np.ceil(degrees.mean() / 4)) * 4)
        extra = np.maximum(-(-degrees // self.width) - 1, 0)
        first_extra = n + np.concatenate([[0], np.cumsum(extra)])
        self.owners = torch.from_numpy(np.repeat(np.arange(n), extra))
        rows = np.repeat(np.arange(n), degrees)
        place = np.arange(len(attraction.data)) - attraction.indptr[rows]
        line = np.where(place < self.width, rows, first_extra[rows] + place // self.width - 1)
        flat = line * self.width + place % self.width
        self.ends = torch.from_numpy(np.repeat(np.concatenate([np.arange(n), self.owners.numpy()]), self.width))
        self.weights = torch.zeros(len(self.ends))
        self.ends[flat] = torch.from_numpy(attraction.indices.astype(np.int64))
        self.weights[flat] = torch.from_numpy(attraction.data)
        self.ends, self.weights = self.ends.view(-1, self.width), self.weights.view(-1, self.width)

    def blocks(self) -> list[slice]:
        """Give slices of lines, those after the n-th apart."""
        n = len(self.ends) - len(self.owners)
        extra = [slice(n + block.start, n + block.stop) for block in _blocks(len(self.owners))]
        return _blocks(n) + extra

    def gather(self, block: slice, places: torch.Tensor, lines: torch.Tensor) -> None:
        """Sum p_ij q_ij (y_i - y_j) over each line of a block into lines (q, v), from places (q, n)."""
        q, n = places.shape
        ends, b = self.ends[block].flatten(), block.stop - block.start
        own = places[:, block] if block.stop <= n else places[:, self.owners[block.start - n : block.stop - n]]
        away = [own[axis, :, None] - places[axis].take(ends).view(b, self.width) for axis in range(q)]
        squared = torch.ones(b, self.width)
        for step in away:
            squared.addcmul_(step, step)
        weights = self.weights[block] / squared
        for axis, step in enumerate(away):
            lines[axis, block] = step.mul_(weights).sum(1)


class _State:
    """Places (q, n) on their way, one axis a line, with the velocity and gain of each coordinate."""

    def __init__(self, start: np.ndarray) -> None:
        places = torch.from_numpy(start.astype(np.float32).T.copy())
        self.places = torch.nn.functional.pad(places, (0, 0, 0, max(0, 2 - len(places))))
        self.velocity, self.gains = torch.zeros_like(self.places), torch.ones_like(self.places)

    def step(self, run: Callable, edges: Edges, rng: np.random.Generator, *, rho: float, momentum: float) -> None:
        n, lines = self.places.shape[1], torch.empty(len(self.places), len(edges.ends))
        gathering = [partial(edges.gather, block, self.places, lines) for block in edges.blocks()]
        z, push = _push(run, self.places, rng, meanwhile=gathering)
        pull = lines[:, :n].index_add_(1, edges.owners, lines[:, n:])

        def move(block: slice) -> None:
            slope = 4 * (rho * pull[:, block] - push[:, block] / max(z, 1e-12))
            velocity, gains = self.velocity[:, block], self.gains[:, block]
            same = slope.sign() == velocity.sign()
            gains.copy_(torch.where(same, gains * 0.8, gains + 0.2).clamp_(min=0.01))
            velocity.mul_(momentum).sub_(n / rho * gains * slope)
            # A step longer than the kernel would throw a row out of its neighborhood.
            velocity.div_((velocity.square().sum(0).sqrt() / 5).clamp_(min=1))
            self.places[:, block] += velocity

        run(move, _blocks(n))
        self.places -= self.places.double().mean(1, keepdim=True).float()


def _push(
    run: Callable, places: torch.Tensor, rng: np.random.Generator, *, meanwhile: Sequence[Callable]
) -> tuple[float, torch.Tensor]:
    """Give the sum Z over all pairs and each row's sum of q^2 (y_i - y_j), (q, n); other tasks run beside the transforms."""
    q, n = places.shape
    if q > 2:
        run(_call, meanwhile)
        mean, force = sampled_repulsion(places, rng)
        return n * (mean - 1), force
    field = empty_field(places)
    side, blocks = field.grid.shape[1], _blocks(n)
    shares = run(lambda block: splines(places[:, block], field), blocks)
    # A fixed number of parts, whatever the number of threads, added in their order: the same bits always.
    parts = [range(start, len(shares), _PARTS) for start in range(min(_PARTS, len(shares)))]
    masses = run(lambda part: torch.stack([spread(*shares[block], side=side) for block in part]).sum(0), parts)
    mass = torch.stack(masses).sum(0).view(side, side).numpy()
    field = run(_call, [partial(field.filled, mass), *meanwhile])[0]
    read = torch.cat(run(lambda share: field.read(*share), shares), 1)
    return float(read[0].double().sum()) - n, read[1:]


def _call(task: Callable) -> object:
    return task()


def _blocks(n: int) -> list[slice]:
    """Give blocks of rows, about four, large ones: each costs a start and fits the cache."""
    return row_blocks(n, int(np.clip(-(-n // 4), 2048, 16384)))
