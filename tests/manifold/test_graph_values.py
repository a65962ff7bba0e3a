"""A neighbor graph that cannot be right is refused at its birth, or where its links are joined."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.manifold import CLUSTERINGS, EMBEDDINGS, ManifoldNeighbors
from imatlas.neighbors import knn_graph
from imatlas.values import KnnGraph


def _graph(indices, distances, **parts):
    return KnnGraph(indices=np.array(indices), distances=np.array(distances, dtype=np.float32), **parts)


@pytest.mark.parametrize(
    ("indices", "distances", "words"),
    [
        ([[1], [5]], [[1.0], [1.0]], "must lie in"),
        ([[1], [-1]], [[1.0], [1.0]], "must lie in"),
        ([[1], [0]], [[np.nan], [1.0]], "negative, infinite or NaN in 1 rows"),
        ([[1], [0]], [[-1.0], [-1.0]], "from 0 up"),
        ([[1], [0]], [[np.inf], [1.0]], "infinite"),
        ([[1, 2], [0, 2], [1, 0]], [[2.0, 1.0], [1.0, 1.0], [1.0, 1.0]], "nearest first"),
        ([[0], [0]], [[0.0], [1.0]], "list themselves"),
        ([[1], [0]], [[1.0, 2.0], [1.0, 2.0]], "one shape"),
    ],
)
def test_impossible_graphs_are_refused_in_words(indices, distances, words):
    with pytest.raises(ValueError, match=words):
        _graph(indices, distances)


def test_links_that_disagree_or_repeat_are_refused_in_words():
    with pytest.raises(InputError, match="the same both ways"):
        _ = _graph([[1], [0], [0]], [[1.0], [2.0], [3.0]]).adjacency
    with pytest.raises(InputError, match="twice"):
        _ = _graph([[1, 1], [0, 2], [1, 0]], [[1.0, 1.0], [1.0, 2.0], [2.0, 3.0]]).adjacency
    with pytest.raises(InputError, match="one length each"):
        _graph([[1], [0]], [[1.0], [1.0]], bridges=np.array([[0, 1]]))


def test_links_listed_from_one_side_count_both_ways():
    links = _graph([[1], [0], [0]], [[1.0], [1.0], [3.0]]).adjacency.toarray()
    np.testing.assert_array_equal(links, [[0, 1, 3], [1, 0, 0], [3, 0, 0]])


def test_near_duplicates_of_sparse_rows_make_a_graph():
    """Cancellation leaves noise of about 1e-8 of a row's length in the distance of near-duplicates, a little other each way."""
    from scipy import sparse

    rows = sparse.random(60, 400, density=0.1, random_state=0, format="csr")
    twins = rows + sparse.csr_matrix((1e-9 * np.ones(60), (np.arange(60), np.arange(60))), shape=rows.shape)
    links = knn_graph(sparse.vstack([rows, twins]).tocsr(), n_neighbors=5).adjacency
    assert (links != links.T).nnz == 0


@pytest.mark.parametrize("method", [*EMBEDDINGS.values(), CLUSTERINGS["density_clusters"], ManifoldNeighbors])
def test_a_graph_without_links_is_refused_in_words(method):
    with pytest.raises(InputError, match="wanted 2 rows and 1 neighbor"):
        method().fit(KnnGraph(np.zeros((5, 0), int), np.zeros((5, 0))))
