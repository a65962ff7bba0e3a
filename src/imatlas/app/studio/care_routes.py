"""Looking after the set: clusters as sheets, lists of what stands out, and the changes a person makes, with undo.

Changes go to the edits of the atlas alone. A change is made for a revision: who looked before another tab changed something is
told so, and nothing is overwritten.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Path

from imatlas.app.studio.answers import Cluster, EditsFacts, Outlier, RejectedFile
from imatlas.app.studio.asks import (
    EditAsk,
    ExcludeChange,
    IncludeChange,
    MergeChange,
    NameChange,
    RedoChange,
    SplitChange,
    UndoChange,
)
from imatlas.app.studio.desk import AtDesk
from imatlas.app.studio.view import View
from imatlas.checks import InputError
from imatlas.geometry import near_duplicates
from imatlas.store import Change, Exclude, Include, Merge, Name, Redo, Split, Undo, open_atlas

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["care"])

SHOWN = 36
"""Images of a cluster."""

OUTLYING = 1.5
"""Score above which an image is listed; as the report counts."""

MOST_LISTED = 500
FEWEST_FOR_COPIES = 3


@router.get("/clusters/{level}")
def clusters(desk: AtDesk, level: Annotated[str, Path(max_length=20)]) -> list[Cluster]:
    """List the clusters of a level, the largest first."""
    view = desk.view()
    column = view.level_at(level)
    if column is None:
        raise HTTPException(404, f"There is no level {level!r}; wanted one of those that /api/atlas lists. Ask for one.")
    labels = view.levels[view.manifold.rows, column]
    numbers, sizes = np.unique(labels[labels >= 0], return_counts=True)
    by_size = np.argsort(-sizes, kind="stable")
    return [_cluster(view, column, int(number), np.flatnonzero(labels == number)) for number in numbers[by_size]]


@router.get("/lists/outliers")
def outliers(desk: AtDesk) -> list[Outlier]:
    """List the images that lie furthest outside, the furthest first."""
    view = desk.view()
    scores = np.nan_to_num(view.outlier, nan=0.0)
    rows = np.flatnonzero(scores > OUTLYING)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:MOST_LISTED]
    return [Outlier(row=int(row), score=float(scores[row])) for row in rows]


@router.get("/lists/duplicates")
def duplicates(desk: AtDesk) -> list[list[int]]:
    """List groups of images that are nearly the same, the largest first."""
    manifold = desk.view().manifold
    if manifold.graph.n_neighbors < FEWEST_FOR_COPIES:
        return []
    groups = near_duplicates(manifold.graph).groups
    count = min(MOST_LISTED, int(groups.max(initial=-1)) + 1)
    return [manifold.rows[groups == group][:MOST_LISTED].tolist() for group in range(count)]


@router.get("/lists/rejected")
def rejected(desk: AtDesk) -> list[RejectedFile]:
    """List the files of the source that could not be used."""
    return [RejectedFile(file=one.path, why=one.reason) for one in desk.view().images.rejected]


@router.get("/edits")
def edits(desk: AtDesk) -> EditsFacts:
    """Tell what a person changed so far."""
    return _facts(desk.view())


@router.post("/edits")
def edit(desk: AtDesk, ask: EditAsk) -> EditsFacts:
    """Make a change."""
    open_atlas(desk.folder).edit(_change(desk.view(), ask), revision=ask.revision)
    return _facts(desk.view())


def _cluster(view: View, column: int, number: int, members: np.ndarray) -> Cluster:
    """Tell of a cluster, its members (m,) given as rows of the manifold."""
    manifold = view.manifold
    by_strength = members[np.argsort(-manifold.clusters.strengths[members], kind="stable")]
    shown = by_strength[np.linspace(0, len(members) - 1, min(SHOWN, len(members))).round().astype(int)]
    return Cluster(
        label=number,
        name=view.name_of(column, number),
        size=len(members),
        says=" ".join(filter(None, [_mostly(view, manifold.rows[members]), _merged(view, column, number)])),
        rows=manifold.rows[shown].tolist(),
    )


def _mostly(view: View, rows: np.ndarray) -> str:
    """Say which class most of some images are of, where there are classes."""
    labels = np.zeros(0, np.int64) if view.images.labels is None else view.images.labels[rows]
    counts = np.bincount(labels[labels >= 0], minlength=1)
    if not counts.any():
        return ""
    first = int(counts.argmax())
    return f"{100 * counts[first] / len(rows):.0f} % are of class {view.images.class_names[first]}."


def _merged(view: View, column: int, number: int) -> str:
    group = next((group for group in view.manifold.clusters.grouping(column).merges if number in group), [])
    return f"Merged from {', '.join(str(part + 1) for part in group)}." if group else ""


def _facts(view: View) -> EditsFacts:
    edits, clusters = view.atlas.edits, view.manifold.clusters
    merges = {f"cluster-{level}": clusters.grouping(level).merges for level in range(clusters.levels.shape[1])}
    named = {f"cluster-{level}": {str(label): name for label, name in of.items()} for level, of in edits.names.items()}
    return EditsFacts(
        revision=edits.revision,
        excluded=list(edits.excluded),
        names={level: of for level, of in named.items() if of},
        merges={level: groups for level, groups in merges.items() if groups},
        can_undo=edits.can_undo,
        can_redo=edits.can_redo,
    )


def _change(view: View, ask: EditAsk) -> Change:
    change = ask.change
    if isinstance(change, ExcludeChange):
        return Exclude(_ids(view, change.exclude))
    if isinstance(change, IncludeChange):
        return Include(_ids(view, change.include))
    if isinstance(change, NameChange):
        return Name(_column(view, change.name.level), change.name.label, change.name.name)
    if isinstance(change, MergeChange):
        return Merge(_column(view, change.merge.level), tuple(change.merge.labels))
    if isinstance(change, SplitChange):
        return Split(_column(view, change.split.level), change.split.label)
    return _BACK_OR_FORTH[type(change)]


_BACK_OR_FORTH: dict[type, Change] = {UndoChange: Undo(), RedoChange: Redo()}


def _column(view: View, level: str) -> int:
    column = view.level_at(level)
    if column is None:
        raise InputError(f"There is no level {level!r} of clusters; wanted one of those that /api/atlas lists. Name one.")
    return column


def _ids(view: View, rows: list[int]) -> tuple[str, ...]:
    if max(rows) >= len(view.images):
        raise InputError(f"There is no image {max(rows)}; wanted 0 to {len(view.images) - 1}. Name these alone.")
    return tuple(view.images.ids[rows].tolist())
