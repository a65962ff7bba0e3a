"""Feature matrices from files and arrays: what is taken for what, and what is refused in words."""

import numpy as np
import pytest
from scipy import sparse

from imatlas.checks import InputError
from imatlas.images import containers, is_matrix_file, read_matrix


def numbers(n=20, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_an_npy_of_float32_stays_a_memory_map(tmp_path):
    np.save(tmp_path / "x.npy", numbers().astype(np.float32))
    matrix = read_matrix(tmp_path / "x.npy")
    assert isinstance(matrix.rows, np.memmap)
    assert matrix.ids[3] == "x#03"


@pytest.mark.parametrize("kind", ["float16", "float64", ">f8", "int8", "int64", "uint16", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_kind_and_order_of_numbers_gives_the_same_float32_rows(tmp_path, kind, order):
    values = np.random.default_rng(0).integers(0, 2, (30, 4))
    np.save(tmp_path / "x.npy", np.asarray(values.astype(kind), order=order))
    matrix = read_matrix(tmp_path / "x.npy")
    assert matrix.rows.dtype == np.float32
    assert matrix.rows.flags.c_contiguous
    np.testing.assert_array_equal(matrix.rows, values)


@pytest.mark.parametrize("name", ["X", "features", "anything"])
def test_an_npz_gives_rows_labels_and_ids(tmp_path, name):
    values = numbers()
    np.savez(tmp_path / "x.npz", **{name: values}, y=np.arange(20) % 3, ids=np.array([f"doc {row}" for row in range(20)]))
    assert is_matrix_file(tmp_path / "x.npz")
    matrix = read_matrix(tmp_path / "x.npz")
    np.testing.assert_array_equal(matrix.rows, values.astype(np.float32))
    assert matrix.class_names == ("0", "1", "2")
    assert matrix.ids[4] == "doc 4"


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_sparse_file_of_scipy_is_read_as_csr(tmp_path, kind, compressed):
    values = sparse.random(30, 50, 0.1, random_state=0, format=kind)
    sparse.save_npz(tmp_path / "x.npz", values, compressed=compressed)
    assert is_matrix_file(tmp_path / "x.npz")
    matrix = read_matrix(tmp_path / "x.npz")
    assert matrix.is_sparse
    np.testing.assert_array_equal(matrix.rows.toarray(), values.toarray().astype(np.float32))


def test_stored_zeros_and_entries_stored_twice_are_what_they_mean():
    values = sparse.csr_matrix((np.array([1.0, 2.0, 0.0, 4.0]), np.array([1, 1, 0, 2]), np.array([0, 2, 4])), shape=(2, 3))
    matrix = read_matrix(values)
    assert matrix.rows.nnz == 2
    np.testing.assert_array_equal(matrix.rows.toarray(), [[0, 3, 0], [0, 0, 4]])
    assert values.nnz == 4, "the input is not changed"


@pytest.mark.parametrize(
    ("arrays", "answer"),
    [
        ({"images": np.zeros((3, 8, 8), np.uint8)}, False),
        ({"x_train": np.zeros((3, 8, 8), np.uint8)}, False),
        ({"X": np.zeros((3, 8, 8))}, False),
        ({"arr_0": np.zeros((3, 8))}, True),
        ({"a": np.zeros((3, 8)), "b": np.zeros((3, 8))}, False),
        ({"X": np.zeros((3, 8)), "b": np.zeros((3, 8, 8))}, True),
    ],
)
def test_images_and_matrices_are_told_apart_by_keys_and_axes(tmp_path, arrays, answer):
    np.savez(tmp_path / "x.npz", **arrays)
    assert is_matrix_file(tmp_path / "x.npz") is answer


def test_images_can_be_taken_as_rows(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=np.ones((3, 8, 8)), x_test=np.zeros((2, 8, 8)), y_train=[0, 1, 1], y_test=[1, 0])
    matrix = read_matrix(tmp_path / "x.npz")
    assert matrix.rows.shape == (5, 64)
    assert matrix.labels.tolist() == [0, 1, 1, 1, 0]


def told(source, **more) -> str:
    with pytest.raises(InputError) as error:
        read_matrix(source, **more)
    return str(error.value)


def test_rows_that_are_not_finite_are_counted_and_named():
    values = numbers()
    values[[3, 7, 11], 2] = [np.nan, np.inf, -np.inf]
    said = told(values)
    assert "NaN or infinite values in 3 of 20 rows (row 3, 7, 11, counted from 0)" in said
    assert "in 3 of 20 rows (row 3, 7, 11" in told(sparse.csr_matrix(values))
    values = numbers()
    values[5] = 1e300
    assert "values beyond 3.4e38 in 1 of 20 rows (row 5" in told(values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.array([["a", "b"]]), "wanted real numbers"),
        (np.zeros((3, 2), complex), "wanted real numbers"),
        (np.zeros((3, 2), dtype=[("a", "f4")]), "wanted real numbers"),
        (np.array([[1, None]], dtype=object), "wanted real numbers"),
        (np.zeros(5), "wanted a matrix"),
        (np.zeros((0, 5)), "there is nothing in it"),
        (np.zeros((5, 0)), "there is nothing in it"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(values, sentence):
    assert sentence in told(values)


def test_pickled_objects_are_refused(tmp_path):
    objects = np.array([[1, "a"], [2, "b"]], dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", X=objects)
    assert "never unpickled" in told(tmp_path / "x.npy")
    assert "never unpickled" in told(tmp_path / "x.npz")


def test_broken_files_are_told_in_words(tmp_path):
    np.save(tmp_path / "cut.npy", numbers(200))
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[: len(content) // 2])
    assert is_matrix_file(tmp_path / "cut.npy")
    assert "broken or cut short" in told(tmp_path / "cut.npy")
    np.savez_compressed(tmp_path / "bad.npz", X=numbers(200))
    content = bytearray((tmp_path / "bad.npz").read_bytes())
    content[200:300] = bytes(100)
    (tmp_path / "bad.npz").write_bytes(content)
    assert "broken or cut short" in told(tmp_path / "bad.npz")
    (tmp_path / "no.npz").write_bytes(b"no zip at all")
    assert "broken or cut short" in told(tmp_path / "no.npz")
    assert "There is no file" in told(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    ("part", "values"),
    [("indices", [0, 99, 1]), ("indices", [0, -1, 1]), ("indptr", [0, 5, 3]), ("indptr", [0, 1]), ("indptr", [1, 2, 3])],
)
def test_a_sparse_file_whose_parts_do_not_fit_is_refused(tmp_path, part, values):
    """SciPy's own loader trusts these numbers, and C code would then read outside its arrays."""
    parts = {"format": b"csr", "shape": [2, 4], "data": [1.0, 2.0, 3.0], "indices": [0, 2, 1], "indptr": [0, 2, 3]}
    np.savez(tmp_path / "x.npz", **{name: np.array(value) for name, value in (parts | {part: values}).items()})
    assert "do not fit its shape" in told(tmp_path / "x.npz")


def test_an_archive_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "FREE_BYTES", 1000)
    np.savez_compressed(tmp_path / "x.npz", X=np.zeros((1000, 1000)))
    assert "unpack" in told(tmp_path / "x.npz")


def test_labels_and_ids_that_do_not_fit_are_told_and_real_targets_passed_over():
    values = numbers()
    assert "give one label per row" in told(values, labels=np.arange(19))
    assert "give one per row" in told(values, ids=np.arange(19))
    assert any("no classes" in note for note in read_matrix(values, labels=np.linspace(0, 1, 20)).notes)
    assert read_matrix(values, labels=np.array(["cat", ""] * 10)).labels.tolist() == [0, -1] * 10
    repeated = read_matrix(values, ids=np.array(["a"] * 20))
    assert len(set(repeated.ids.tolist())) == 20
    assert any("more than once" in note for note in repeated.notes)


def test_what_changes_no_distance_is_noted():
    values = numbers()
    values[:, 1] = 3.0
    values[4] = 0
    values[:, 1] = 0
    notes = " ".join(read_matrix(values).notes)
    assert "1 of 5 columns are constant" in notes
    assert "1 row is all zeros" in notes
    notes = " ".join(read_matrix(sparse.csr_matrix(values)).notes)
    assert "1 of 5 columns are empty" in notes
    assert "1 row is all zeros" in notes
    assert any("rounded to 24 bits" in note for note in read_matrix(np.array([[2**40 + 1], [3]])).notes)


def test_rows_whose_differences_float32_cannot_hold_are_refused():
    """At a million float32 has steps of 1/16: numbers between 0 and 0.01 beside it are all the same."""
    rows = np.random.default_rng(0).random((30, 4)) * 0.01
    with pytest.raises(InputError, match=r"varies by 0\.\d+ around numbers of 1e\+06, finer than float32"):
        read_matrix(rows + 1e6)
    assert read_matrix(rows + 1e6 - (rows + 1e6).mean(axis=0)).rows.std() > 0.002
