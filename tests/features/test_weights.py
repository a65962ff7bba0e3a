"""Files of weights: where they are found, what is refused and how it is said, what a trained extractor keeps as a member."""

import hashlib
import pathlib

import numpy as np
import pytest
import safetensors.torch
import torch
from laws import extractors as laws

from imatlas.checks import InputError
from imatlas.features import JUDGES, PRETRAINED, DinoV2, Encoder, Inception, OwnEncoder, make_judge
from imatlas.features.pretrained.vision_transformer import Layout, VisionTransformer
from imatlas.features.pretrained.weights import Published, fetch_weights, find_weights


def hash_of(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> type[DinoV2]:
    """A DINOv2 of one narrow block with random weights, its file in the folder that IMATLAS_WEIGHTS names."""

    class Tiny(DinoV2):
        name, n_features = "tiny", 64

        def network(self) -> VisionTransformer:
            return VisionTransformer(Layout(64, patch=14, grid=5, depth=1))

    noise = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(values.shape, generator=noise) * 0.3 for name, values in Tiny().network().state_dict().items()
    } | {"mask_token": torch.zeros(1, 64)}
    folder = tmp_path / "weights"
    folder.mkdir()
    torch.save(state, folder / "tiny.pth")
    Tiny.published = Published("tiny.pth", hash_of(folder / "tiny.pth"), 1, (folder / "tiny.pth").as_uri())
    monkeypatch.setenv("IMATLAS_WEIGHTS", str(folder))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return Tiny


def test_an_extractor_that_comes_trained_keeps_the_law(tiny) -> None:
    laws.check_extractor(tiny)


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_colour_are_taken(tiny, channels) -> None:
    laws.check_images_of_shape(tiny, 8, channels)
    gray = laws.random_images(3)
    extractor = tiny().fit(gray)
    colour = np.repeat(gray.pixels, 3, axis=3)
    np.testing.assert_array_equal(extractor.rows(colour), extractor.rows(gray.pixels))


def test_settings_name_the_weights_and_the_resizing_and_no_place(tiny) -> None:
    extractor = tiny().fit(laws.random_images(2))
    assert extractor.settings() == {"sha256": tiny.published.sha256, "resize": "bicubic, antialiased, to 224"}
    assert extractor.pack()[1] == {}, "the weights stay in their own file"


def test_weights_are_found_by_file_folder_variable_and_where_torch_keeps_its_own(tiny, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "weights"
    assert find_weights(tiny.published) == folder / "tiny.pth"
    for place in (folder, folder / "tiny.pth"):
        assert find_weights(tiny.published, place) == folder / "tiny.pth"
    other = (folder / "tiny.pth").rename(folder / "by another name")
    assert find_weights(tiny.published, other) == other
    monkeypatch.delenv("IMATLAS_WEIGHTS")
    hub = tmp_path / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "also.pth").write_bytes(b"")
    assert find_weights(Published("tiny.pth", "", 1, "", ("also.pth",))) == hub / "also.pth"


def test_weights_that_are_nowhere_are_told_with_all_ways_to_get_them(tiny, tmp_path) -> None:
    (tmp_path / "weights" / "tiny.pth").unlink()
    with pytest.raises(InputError, match=r"There is no tiny\.pth in .*weights, .*hub.*--weights.*IMATLAS_WEIGHTS.*--download"):
        tiny().fit(laws.random_images(2))
    with pytest.raises(InputError, match=r"There is no tiny\.pth in .*elsewhere"):
        tiny(tmp_path / "elsewhere").fit(laws.random_images(2))


def test_a_file_of_another_hash_is_refused_unless_its_own_is_given(tiny, tmp_path) -> None:
    path = tmp_path / "weights" / "tiny.pth"
    state = torch.load(path, weights_only=True)
    safetensors.torch.save_file(state, tmp_path / "mine.safetensors")
    wrong = hash_of(tmp_path / "mine.safetensors")
    with pytest.raises(InputError, match=rf"has the hash {wrong}; wanted {tiny.published.sha256}"):
        tiny(tmp_path / "mine.safetensors").fit(laws.random_images(2))
    images = laws.random_images(2)
    own = tiny(tmp_path / "mine.safetensors", sha256=wrong).fit(images)
    np.testing.assert_array_equal(own.rows(images.pixels), tiny().fit(images).rows(images.pixels))
    assert own.settings()["sha256"] == wrong


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("norm.bias"), r"norm\.bias is missing \(1 in all\)"),
        (lambda state: state.update(register_tokens=torch.zeros(1, 4, 64)), "register_tokens is not wanted"),
        (lambda state: state.update({"norm.bias": torch.zeros(3)}), r"norm\.bias is \(3,\), not \(64,\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tiny, tmp_path, change, sentence) -> None:
    path = tmp_path / "weights" / "tiny.pth"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(InputError, match=f"do not fit a VisionTransformer: {sentence}"):
        tiny(sha256=hash_of(path)).fit(laws.random_images(2))


def test_a_file_that_is_no_weights_is_refused_and_nothing_in_it_is_run(tiny, tmp_path) -> None:
    path = tmp_path / "weights" / "tiny.pth"
    ran = tmp_path / "ran"

    class Harm:
        def __reduce__(self):
            return ran.touch, ()

    torch.save({"norm.bias": Harm()}, path)
    for content in (path.read_bytes(), b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="could not be read as weights"):
            tiny(sha256=hash_of(path)).fit(laws.random_images(2))
    assert not ran.exists()
    torch.save({"state": {"norm.bias": torch.zeros(64)}}, path)
    with pytest.raises(InputError, match="other things than tensors"):
        tiny(sha256=hash_of(path)).fit(laws.random_images(2))


def test_what_is_fetched_is_kept_only_if_it_is_what_was_published(tiny, tmp_path) -> None:
    path = fetch_weights(tiny.published, tmp_path / "new")
    assert hash_of(path) == tiny.published.sha256
    gone = Published("tiny.pth", tiny.published.sha256, 1, "file:///nowhere")
    assert fetch_weights(gone, tmp_path / "new") == path, "what is there is not fetched again"
    with pytest.raises(InputError, match=r"could not be fetched.*file:///nowhere"):
        fetch_weights(gone, tmp_path / "other")
    false = Published("tiny.pth", "0" * 64, 1, tiny.published.url)
    with pytest.raises(InputError, match=rf"has the hash {tiny.published.sha256}; wanted 0000.*not kept"):
        fetch_weights(false, tmp_path / "other")
    assert not any((tmp_path / "other").iterdir())


def test_judges_are_found_by_name_and_get_their_weights(tiny, tmp_path, monkeypatch) -> None:
    for name, kind in JUDGES.items():
        assert kind.name == name
        assert isinstance(make_judge(name), kind)
    with pytest.raises(InputError, match=r"no extractor 'vgg'; choose from: random_convolutions,.*inception"):
        make_judge("vgg")
    monkeypatch.setitem(PRETRAINED, "inception", tiny)
    folder = tmp_path / "asked"
    made = make_judge("inception", weights=folder, download=True)
    assert (folder / "tiny.pth").is_file()
    assert made.fit(laws.random_images(2)).settings()["sha256"] == tiny.published.sha256
    with pytest.raises(InputError, match="There is no pt_inception"):
        Inception().fit(laws.random_images(2))


def test_the_judging_encoder_is_another_one_than_that_of_a_map() -> None:
    laws.check_extractor(lambda: OwnEncoder(8, steps=3, width=8))
    images = laws.random_images(60)
    judge, maps = OwnEncoder(8, steps=3, width=8).fit(images), Encoder(8, steps=3, width=8).fit(images)
    assert not np.allclose(judge.rows(images.pixels), maps.rows(images.pixels), atol=1e-2)
    assert OwnEncoder().settings()["steps"] == 1_000, "by steps, so that it can be repeated"
