import json
import warnings
import zipfile

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.images import read_images


def pack(path, members):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("layout", ["flat", "classes", "split", "metadata", "stylegan"])
def test_a_zip_reads_like_the_folder_it_holds(tmp_path, texture, encoded, layout):
    places = {"classes": "ab/{}/{}.png", "split": "{}/{}.png"}
    folders = {"classes": ("ab", "ba"), "split": ("train", "test")}.get(layout, ("", ""))
    place = places.get(layout, "set/{}{}.png")
    members = [(place.format(folders[seed % 2], seed), encoded(texture(seed))) for seed in range(4)]
    if layout == "metadata":
        members.append(("set/metadata.csv", "file_name,label\n0.png,x\n1.png,y\n"))
    if layout == "stylegan":
        labels = [[name, seed % 2] for seed, (name, _) in enumerate(members)]
        members.append(("dataset.json", json.dumps({"labels": labels})))
    pack(tmp_path / "set.zip", members)
    zipfile.ZipFile(tmp_path / "set.zip").extractall(tmp_path / "unpacked")
    zipped, folder = read_images(tmp_path / "set.zip"), read_images(tmp_path / "unpacked")
    assert np.array_equal(zipped.pixels, folder.pixels)
    assert zipped.ids.tolist() == folder.ids.tolist()
    assert zipped.class_names == folder.class_names
    assert np.array_equal(zipped.held_out, folder.held_out)
    assert (zipped.labels is None) == (layout in ("flat", "split"))
    if zipped.labels is not None:
        assert np.array_equal(zipped.labels, folder.labels)


def test_members_that_climb_out_or_swell_are_rejected_with_a_reason(tmp_path, texture, encoded):
    picture = encoded(texture(0))
    members = [
        ("a.png", picture),
        ("../evil.png", picture),
        ("/etc/evil.png", picture),
        ("C:/evil.png", picture),
        ("twice.png", picture),
        ("twice.png", encoded(texture(1))),
        ("swells.bmp", b"\0" * 30_000_000),
        ("empty.png", b""),
        ("__MACOSX/._a.png", b"x"),
        ("readme.txt", b"x"),
    ]
    images = read_images(pack(tmp_path / "set.zip", members))
    assert sorted(images.ids) == ["a.png", "twice.png"]
    reasons = {one.path: one.reason for one in images.rejected}
    assert set(reasons) == {"../evil.png", "/etc/evil.png", "C:/evil.png", "twice.png", "swells.bmp", "empty.png"}
    assert "leads out" in reasons["../evil.png"]
    assert "times its size" in reasons["swells.bmp"]
    assert not (tmp_path.parent / "evil.png").exists()


def test_a_zip_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path, monkeypatch):
    """The limits are lowered so that the test needs no gigabytes: 100 members, each just under the member's ratio."""
    monkeypatch.setattr("imatlas.images.containers.FREE_BYTES", 2**20)
    monkeypatch.setattr("imatlas.images.containers.LARGEST_RATIO", 20)
    members = [(f"{number}.bmp", b"\0" * 1_000_000) for number in range(100)]
    with pytest.raises(InputError, match=r"would unpack to 100,000,000.*times as much"):
        read_images(pack(tmp_path / "bomb.zip", members))


def test_a_damaged_member_is_rejected_and_the_others_are_read(tmp_path, texture, encoded):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(3):
            archive.writestr(f"{seed}.png", encoded(texture(seed)))
        offset = archive.getinfo("1.png").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 200] ^= 0xFF
    path.write_bytes(content)
    images = read_images(path)
    assert images.ids.tolist() == ["0.png", "2.png"]
    assert "damaged inside the archive" in images.rejected[0].reason


def test_a_file_that_is_only_named_zip_or_cut_short_is_refused_in_words(tmp_path, texture, encoded):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(InputError, match="not a zip that can be read"):
        read_images(tmp_path / "text.zip")
    path = pack(tmp_path / "cut.zip", [("a.png", encoded(texture(0)))])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="not a zip that can be read"):
        read_images(path)
    with pytest.raises(InputError, match="holds no image files"):
        read_images(pack(tmp_path / "empty.zip", []))
