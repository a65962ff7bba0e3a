"""Laying the parts of a broken graph side by side on one map.

Parts that share no neighbors have no distance, so none is invented: each keeps its own layout, and the parts stand in rows
on shelves, largest first, with a gap between them. What their places say about one another is only "apart".
"""

from __future__ import annotations

import numpy as np

__all__ = ["side_by_side"]

_GAP = 0.15


def side_by_side(layouts: list[np.ndarray]) -> list[np.ndarray]:
    """Give the shift float64 (q,) of each layout that lays them out without overlap.

    Parameters
    ----------
    layouts : parts (n_c, q), largest first; not empty.

    Returns
    -------
    One shift per part. On maps of one dimension parts stand in a line, else on shelves of the first two coordinates that fill
    about a square; the whole is centred on the boxes' middle. A single part is left where it is.
    """
    q = layouts[0].shape[1]
    if len(layouts) == 1:
        return [np.zeros(q)]
    low = np.array([layout.min(axis=0) for layout in layouts], dtype=np.float64)
    sides = np.array([np.ptp(layout, axis=0) for layout in layouts], dtype=np.float64)
    gap = _GAP * max(float(sides.max()), 1e-6)
    boxes = sides[:, :2] + gap
    width = np.inf if q == 1 else max(float(boxes[:, 0].max()), 1.2 * float(np.sqrt((boxes[:, 0] * boxes[:, 1]).sum())))
    corners = np.zeros((len(layouts), q))
    x, y, shelf = 0.0, 0.0, 0.0
    for part, box in enumerate(boxes):
        if x > 0 and x + box[0] > width:
            x, y, shelf = 0.0, y + shelf, 0.0
        corners[part, 0] = x
        if q > 1:
            corners[part, 1] = y
            shelf = max(shelf, box[1])
        x += box[0]
    middle = (corners + sides).max(axis=0) / 2
    return list(corners - low - middle)
