"""Inverted lists of one length: rows are filed with their like, and each list knows which others to look into.

Rows go to the nearest of as many centers as there are lists; centers are ordered along their tree, so that like follows like,
and the queue of all rows is cut into lists of 128. One length makes every comparison of two lists the same small product,
fast on any processor. Sampled members of a list vote for the lists nearest to them, and the list looks into those with most
votes. Two filings with other centers miss different neighbors: together they find far more than one that looks twice as far.

References: Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011 (inverted lists); Muja, Lowe,
"Scalable nearest neighbor algorithms for high dimensional data", 2014 (several partitions).
"""

from __future__ import annotations

import faiss
import numpy as np
import torch
from scipy.cluster.hierarchy import leaves_list, linkage

from imatlas.neighbors.screen import Screen
from imatlas.neighbors.workers import map_blocks, row_blocks

__all__ = ["GROUP", "LENGTH", "Lists"]

LENGTH = 128
_MOST_CENTERS = 2048  # above, finding them would take longer than what they save
GROUP = 12
_FILED_BY = 64  # principal components that decide where a row is filed
_VOTES = 24


class Lists:
    """One filing of a set of rows.

    Parameters
    ----------
    screen : the short rows; at least 12 lists' worth.
    n_near : lists each list looks into, itself first; a multiple of 12, lowered to what there is.
    seed : of the centers. Another seed files otherwise.
    """

    def __init__(self, screen: Screen, *, n_near: int = 36, seed: int = 0) -> None:
        self._screen = screen
        n = len(screen.short)
        self.n_lists = -(-n // LENGTH)
        self.n_near = min(n_near, self.n_lists // GROUP * GROUP)
        order = _file(screen.short[:, :_FILED_BY].contiguous(), min(self.n_lists, _MOST_CENTERS), seed)
        gap = self.n_lists * LENGTH - n  # the last list is filled up with copies of its last row, at the lowest height
        self.members = torch.cat([order, order[-1:].expand(gap)]).view(self.n_lists, LENGTH)
        heights = screen.heights[self.members]
        heights.view(-1)[n:] = torch.finfo(torch.float32).min
        self._pages = torch.empty(self.n_lists, screen.short.shape[1] + 1, LENGTH)  # members as columns, heights below them
        self._pages[:, -1] = heights

        def lay(number: int) -> None:
            self._pages[number, :-1] = screen.short[self.members[number]].T

        map_blocks(lay, range(self.n_lists))
        self.means = self._pages[:, :-1].mean(2)
        self._lengths = self.means.square().sum(1)
        self.near = torch.empty(self.n_lists, self.n_near, dtype=torch.int64)
        map_blocks(self._look_around, range(self.n_lists))

    def candidates_of_own(self, n_candidates: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give for every filed row the best other rows, int32 (n, c), and their scores float32 (n, c), high = near."""
        rows = torch.empty(len(self._screen.short), n_candidates, dtype=torch.int32)
        scores = torch.empty(len(rows), n_candidates)

        def scan(number: int) -> None:
            own = self.members[number, : len(rows) - number * LENGTH]
            rows[own], scores[own] = self._scan(self._screen.short[own], number, n_candidates, own=True)

        map_blocks(scan, range(self.n_lists))
        return rows, scores

    def candidates_of(self, short: torch.Tensor, n_candidates: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give for new short rows (b, q) the best filed rows, int32 (b, c), and their scores, in lists near the nearest."""
        rows = torch.empty(len(short), n_candidates, dtype=torch.int32)
        scores = torch.empty(len(short), n_candidates)
        homes = nearest_means(short, self.means)

        def scan(number: int) -> None:
            for mine in (homes == number).nonzero()[:, 0].split(LENGTH):
                rows[mine], scores[mine] = self._scan(short[mine], number, n_candidates, own=False)

        map_blocks(scan, homes.unique().tolist())
        return rows, scores

    def _look_around(self, number: int) -> None:
        """Choose the lists that a list looks into: itself, those with most votes of every eighth member, then the nearest."""
        voters = self._screen.short[self.members[number, ::8]]
        far = torch.addmm(self._lengths, voters, self.means.T, alpha=-2)
        n_votes = min(_VOTES, self.n_lists)
        chosen = far.topk(n_votes, dim=1, largest=False).indices
        weights = 1 / (4 + torch.arange(n_votes, dtype=torch.float32))
        votes = torch.zeros(self.n_lists).scatter_add_(0, chosen.flatten(), weights.repeat(len(voters)))
        mean = far.mean(0)
        votes -= 1e-6 * (mean - mean.min()) / (mean.max() - mean.min() + 1e-30)
        votes[number] = torch.inf
        self.near[number] = votes.topk(self.n_near).indices

    def _scan(self, queries: torch.Tensor, number: int, n_candidates: int, *, own: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Score queries (b, q) against all members of the lists near one, and keep the best (b, c)."""
        b = len(queries)
        looked_into = self.near[number]
        products = torch.empty(self.n_near, b, LENGTH)
        raised = torch.cat([queries, torch.ones(b, 1)], 1)
        for place, other in enumerate(looked_into.tolist()):
            torch.mm(raised, self._pages[other], out=products[place])
        if own:
            products[0].fill_diagonal_(-torch.inf)  # each list looks into itself first
        # The c best lie in the c groups with the best maxima; a group is one place in a dozen lists.
        n_groups = self.n_near // GROUP
        maxima = products.view(GROUP, n_groups, b, LENGTH).amax(0).transpose(0, 1).reshape(b, -1)
        groups = maxima.topk(min(n_candidates, maxima.shape[1]), dim=1, sorted=False).indices
        first = (groups // LENGTH) * (b * LENGTH) + groups % LENGTH + torch.arange(b)[:, None] * LENGTH
        steps = torch.arange(GROUP) * (n_groups * b * LENGTH)
        places = (first[:, None, :] + steps[None, :, None]).flatten(1)
        scores, best = products.view(-1).take(places).topk(n_candidates, dim=1, sorted=False)
        places = places.gather(1, best)
        return self.members[looked_into[places // (b * LENGTH)], places % LENGTH].int(), scores


def nearest_means(short: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    """Give the number int64 (b,) of the mean (c, q) nearest to each short row (b, q)."""
    lengths, nearest = means.square().sum(1), torch.empty(len(short), dtype=torch.int64)

    # Written into one array: small results kept between large temporary tables would hold memory in pieces.
    def fill(block: slice) -> None:
        nearest[block] = torch.addmm(lengths, short[block], means.T, alpha=-2).argmin(1)

    map_blocks(fill, row_blocks(len(short), 1024))
    return nearest


def _file(short: torch.Tensor, n_centers: int, seed: int) -> torch.Tensor:
    """Order rows so that like follows like, int64 (n,): centers along their tree, and within one from the last to the next."""
    centers = torch.from_numpy(map_blocks(lambda _: _centers(short.numpy(), n_centers, seed), [0])[0])
    centers = centers[torch.from_numpy(leaves_list(linkage(centers.numpy().astype(np.float64), "ward")))].contiguous()
    homes = nearest_means(short, centers)
    onward = centers.roll(-1, 0) - centers.roll(1, 0)
    progress = torch.empty(len(short))

    def fill(block: slice) -> None:
        progress[block] = (short[block] * onward[homes[block]]).sum(1)

    map_blocks(fill, row_blocks(len(short), 4096))
    return torch.from_numpy(np.lexsort((progress.numpy(), homes.numpy())))


def _centers(short: np.ndarray, n_centers: int, seed: int) -> np.ndarray:
    """Find k-means centers float32 (n_centers, q) on a sample, roughly: they only decide what is looked at together."""
    search = faiss.Clustering(short.shape[1], n_centers)
    search.seed, search.niter, search.verbose = seed, 3, False
    search.max_points_per_centroid, search.min_points_per_centroid = 24, 1
    search.train(short, faiss.IndexFlatL2(short.shape[1]))
    return faiss.vector_to_array(search.centroids).reshape(n_centers, -1).copy()
