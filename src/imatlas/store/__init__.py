"""The atlas folder and its handle: everything learned from one image set, on disk, safe to interrupt and to reopen.

Arrays are npy files opened as memory maps, estimators and weights are safetensors, the rest is JSON; nothing is ever
unpickled. Every write happens beside its target and is renamed into place, so a crash leaves the old content or the
new one; `atlas.json` remembers which steps are done, for which inputs, and how long they took.
"""

from imatlas.store.added import Batch, add_batch, list_batches, place_again
from imatlas.store.atlas import Atlas, create_atlas, open_atlas
from imatlas.store.carrying import same_clusters
from imatlas.store.edits import Change, Edits, Exclude, Include, Merge, Name, Redo, Split, StaleEdits, Undo
from imatlas.store.header import holds_matrix, refuse_foreign
from imatlas.store.matrix_atlas import MatrixAtlas, create_matrix_atlas, open_matrix_atlas
from imatlas.store.models import ModelFolder

__all__ = [
    "Atlas",
    "Batch",
    "Change",
    "Edits",
    "Exclude",
    "Include",
    "MatrixAtlas",
    "Merge",
    "ModelFolder",
    "Name",
    "Redo",
    "Split",
    "StaleEdits",
    "Undo",
    "add_batch",
    "create_atlas",
    "create_matrix_atlas",
    "holds_matrix",
    "list_batches",
    "open_atlas",
    "open_matrix_atlas",
    "place_again",
    "refuse_foreign",
    "same_clusters",
]
