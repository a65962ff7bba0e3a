"""Rows as people bring them: the right answer or a sentence that says what is wrong, from every estimator alike."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD

from imatlas.manifold import CLUSTERINGS, EMBEDDINGS, AnyMap, ManifoldNeighbors

QUICK = {"landmark_isomap": {"n_landmarks": 20}, "neighbor_map": {"n_steps": 20}}
MAKERS = {
    **{name: (method, QUICK.get(name, {})) for name, method in (EMBEDDINGS | CLUSTERINGS).items()},
    "manifold_neighbors": (ManifoldNeighbors, {}),
    "any_map": (AnyMap, {"transformer": PCA(1)}),
}
ROWS = np.random.default_rng(0).integers(0, 20, size=(60, 5)).astype(np.float32)

pytestmark = pytest.mark.parametrize("name", MAKERS)


def _fit(name: str, rows: object) -> object:
    method, settings = MAKERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return method(**settings).fit(rows)


def _answer(fitted: object, rows: object) -> np.ndarray:
    """What an estimator says of rows: places, labels, or neighbors and their distances."""
    if hasattr(fitted, "transform") and hasattr(fitted, "embedding_"):
        return fitted.transform(rows)
    if hasattr(fitted, "predict"):
        return fitted.predict(rows)
    return np.hstack(fitted.kneighbors(rows, 3))


@pytest.mark.parametrize(("spoil", "said"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_numbers_that_are_none_are_refused(name, spoil, said):
    spoiled = ROWS.copy()
    spoiled[3, 2] = spoil
    with pytest.raises(ValueError, match=said):
        _fit(name, spoiled)
    with pytest.raises(ValueError, match=said):
        _answer(_fit(name, ROWS), spoiled)


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:0], ROWS[:, :0], ROWS[0], np.array([["a", "b"], ["c", "d"]])])
def test_what_is_no_set_of_rows_is_refused(name, rows):
    if name == "balanced_clusters" and rows.shape == (1, 5):
        assert _fit(name, rows).labels_.tolist() == [0]  # it needs no neighbors: one row is one cluster
        return
    with pytest.raises(ValueError, match=r"minimum of|2D array|could not convert|at least 2"):
        _fit(name, rows)


def test_new_rows_may_come_in_the_other_form(name):
    """Sparse rows to what was fitted to dense ones, and the other way; balanced clusters know dense rows only."""
    if name == "balanced_clusters":
        pytest.skip("sparse rows are refused in another test")
    dense = ROWS * (ROWS > 9)
    for own, other in ((dense, sparse.csr_matrix(dense)), (sparse.csr_matrix(dense), dense)):
        fitted = _fit(name, own) if name != "any_map" else AnyMap(TruncatedSVD(2, random_state=0)).fit(own)
        np.testing.assert_allclose(_answer(fitted, other), _answer(fitted, own), atol=1e-6)


def test_differences_that_float32_cannot_hold_are_refused(name):
    """Whole numbers from 0 to 19 beside 10^10 are all the same in float32; the same rows less their mean are not."""
    with pytest.raises(ValueError, match="finer than float32"):
        _fit(name, ROWS.astype(np.float64) + 1e10)
    with pytest.raises(ValueError, match="finer than float32"):
        _fit(name, ROWS.astype(np.int64) + 10**10)


def test_rows_of_another_width_are_refused(name):
    with pytest.raises(ValueError, match="features"):
        _answer(_fit(name, ROWS), ROWS[:, :4])


@pytest.mark.parametrize(
    "form",
    [
        lambda rows, folder: rows.astype(np.float64),
        lambda rows, folder: rows.astype(np.float16),
        lambda rows, folder: rows.astype(np.int64),
        lambda rows, folder: rows.astype(np.uint8),
        lambda rows, folder: np.asfortranarray(rows),
        lambda rows, folder: rows.repeat(2, axis=0)[::2],
        lambda rows, folder: rows.tolist(),
        lambda rows, folder: _frozen(rows),
        lambda rows, folder: _mapped(rows, folder),
    ],
    ids=["float64", "float16", "int64", "uint8", "fortran", "strided", "lists", "read-only", "memory-mapped"],
)
def test_the_form_of_rows_changes_nothing(name, form, tmp_path):
    """Whole numbers up to 19 are the same in all these types."""
    rows = form(ROWS, tmp_path)
    fitted = _fit(name, rows)
    np.testing.assert_array_equal(_answer(fitted, rows), _answer(_fit(name, ROWS), ROWS))
    np.testing.assert_array_equal(np.asarray(rows), ROWS)  # and the rows are left as they were


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.coo_matrix])
def test_sparse_rows_are_the_dense_ones_or_refused(name, form):
    rows = form(ROWS * (ROWS > 9))
    if name == "balanced_clusters":
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            _fit(name, rows)
        return
    if name == "any_map":
        fitted = AnyMap(TruncatedSVD(2, random_state=0)).fit(rows)
        np.testing.assert_allclose(fitted.transform(rows), fitted.embedding_, atol=1e-5)
        return
    answer, dense = _answer(_fit(name, rows), rows), _answer(_fit(name, rows.toarray()), rows.toarray())
    assert answer.shape == dense.shape
    assert np.isfinite(answer).all()
    if name in CLUSTERINGS or name in ("spectral_map", "diffusion_map", "landmark_isomap", "tangent_alignment"):
        np.testing.assert_allclose(answer, dense, atol=1e-3 * max(np.ptp(dense), 1))


@pytest.mark.parametrize(
    "rows",
    [
        np.hstack([ROWS, np.full((60, 2), 7.0, np.float32)]),
        np.tile(ROWS[:1], (30, 1)),
        np.repeat(ROWS[:12], 5, axis=0),
        ROWS[:4],
        ROWS[:2],
        ROWS[:, :1],
        ROWS * np.float32(1e-15),
        ROWS * np.float32(1e15),
    ],
    ids=[
        "constant columns",
        "one row thirty times",
        "each row five times",
        "four rows",
        "two rows",
        "one column",
        "tiny",
        "huge",
    ],
)
def test_poor_rows_are_answered_in_finite_numbers(name, rows):
    fitted = _fit(name, rows)
    answer = _answer(fitted, rows) if name != "manifold_neighbors" else np.hstack(fitted.kneighbors(rows, 1))
    assert len(answer) == len(rows)
    assert np.isfinite(answer).all()
    _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    if name != "manifold_neighbors":
        np.testing.assert_array_equal(answer, answer[first][group.ravel()])  # equal rows have equal answers


def test_constant_columns_change_no_map(name):
    """A column that is the same in all rows adds nothing to any difference."""
    if name not in EMBEDDINGS:
        pytest.skip("a property of maps; clusters are compared with their centers in other tests")
    wide = np.hstack([ROWS, np.full((60, 2), 7.0, np.float32)])
    plain = _answer(_fit(name, ROWS), ROWS)
    tolerance = 0.2 if name == "neighbor_map" else 1e-3  # its start rests on rounded principal components
    np.testing.assert_allclose(_answer(_fit(name, wide), wide), plain, atol=tolerance * np.ptp(plain))


def _frozen(rows: np.ndarray) -> np.ndarray:
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


def _mapped(rows: np.ndarray, folder: object) -> np.ndarray:
    np.save(folder / "rows.npy", rows)
    return np.load(folder / "rows.npy", mmap_mode="r")
