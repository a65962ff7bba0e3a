import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from imatlas.app.report import ClosePair, Morph, ReportContents, write_report
from imatlas.checks import InputError
from imatlas.recipes import survey_manifold
from imatlas.values import (
    Clusters,
    Codes,
    Dimension,
    Embedding,
    Features,
    Geodesics,
    ImageSet,
    KnnGraph,
    Manifold,
    Rejected,
    Samples,
    Score,
)

SECTIONS = ["beside", "map", "trust", "clusters", "morphs", "pairs", "scores", "training", "health", "settings"]


class Page(HTMLParser):
    """Collects section ids, addresses and the visible text of a page, and checks that tags are closed in order."""

    void = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.sections, self.addresses, self.words, self.alts = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "section":
            self.sections.append(attrs["id"])
        if tag == "img":
            self.alts.append(attrs.get("alt", ""))
        self.addresses += [attrs[name] for name in ("src", "href") if attrs.get(name)]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if not {"style", "script"} & set(self.open):
            self.words.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read_page(contents, path):
    write_report(contents, path)
    return Page(path.read_text(encoding="utf-8"))


def make_images(n=40, side=8, channels=1, labels=True):
    rng = np.random.default_rng(0)
    return ImageSet(
        rng.integers(0, 256, (n, side, side, channels), dtype=np.uint8),
        np.array([f"f/{i}.png" for i in range(n)]),
        labels=np.arange(n) % 3 if labels else None,
        class_names=("cat", "dog", "<b>bird</b>") if labels else (),
        held_out=np.arange(n) % 10 == 0,
        rejected=(Rejected("bad & broken.png", "cut short"),),
        source="photos",
    )


def make_manifold(images, n_clusters=3):
    rng = np.random.default_rng(0)
    rows = images.training_rows
    n = len(rows)
    labels = np.arange(n) % n_clusters
    return Manifold(
        rows=rows,
        features=Features(rng.normal(size=(n, 4)), "pixels"),
        graph=KnnGraph((np.arange(n)[:, None] + 1) % n, np.ones((n, 1))),
        geodesics=Geodesics(np.array([0]), np.zeros((1, n), np.float32)),
        embedding=Embedding(rng.normal(size=(n, 2)), "SpectralMap", {"trustworthiness": 0.9}),
        clusters=Clusters(labels, labels[:, None], rng.random(n), rng.normal(size=(n_clusters, 4)), "SpectralClusters"),
        dimension=Dimension(3.5, (3.0, 4.0), {"mle": 3.5}, np.zeros(n)),
        density=np.zeros(n),
    )


def rival(rate):
    distance = Score("kernel_distance", "pixels", 0.1 + rate / 1e4, (0.09, 0.2), 0.0, "lower", 500, "quality")
    return [distance, Score("images_per_second", "", rate, (rate - 1, rate + 1), None, "higher", 9, "speed")]


def make_contents():
    images = make_images()
    pixels = images.pixels[:20]
    score = Score("frechet_distance", "pixels", 2.31, (2.1, 2.52), 0.21, "lower", 20, "quality")
    floor = replace(score, value=0.2, interval=None)
    return ReportContents(
        images=images,
        verdict=("The images are good.", "They are new."),
        manifold=make_manifold(images),
        places=np.random.default_rng(1).normal(size=(40, 2)),
        model="0001-flow",
        samples=Samples(pixels, Codes({}), 0, "0001-flow"),
        asked_by="class",
        asked=np.arange(20) % 3,
        morphs=(Morph(pixels[:5], pixels[5:10], "from a to b", {"longest_step": (0.1, 0.9)}),),
        pairs=(ClosePair(pixels[0], pixels[1], 0.42, "f/1.png", "random_convolutions"),),
        scores=(score,),
        rivals={name: rival(rate) for name, rate in (("0001-flow", 9.0), ("0002-gan", 900.0))},
        references={"real half against real half": (floor,), "Gaussian in PCA space": (replace(floor, value=14.2),)},
        curves=[{"step": i, "seconds": 2.0 * i, "loss": 1 / (1 + i), "values": {"kl": 2.0}} for i in range(60)],
        settings={"generator": {"depth": 6}},
        seeds={"map": 7},
        seconds={"map": 2.5, "training": 61.0},
        duplicates=(("f/1.png", "f/2.png"),),
        notes=("Condition: class.",),
    )


def test_a_full_report_has_every_section_in_order_and_asks_for_nothing_outside(tmp_path):
    page = read_page(make_contents(), tmp_path / "report.html")
    assert page.sections == SECTIONS
    assert page.open == []
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert all(page.alts)
    source = (tmp_path / "report.html").read_text()
    assert "default-src 'none'" in source
    outside = re.sub(r'xmlns(:\w+)?="[^"]*"', "", source)
    assert not re.search(r"https?://|@import|url\((?!#)", outside)


def test_a_report_tells_verdict_scores_settings_and_rejected_files(tmp_path):
    text = read_page(make_contents(), tmp_path / "report.html").text
    for words in (
        "The images are good.",
        "2.31 2.10 to 2.52",
        "Gaussian in PCA space 14.2",
        "generator.depth 6",
        "map 7",
        "bad & broken.png cut short",
        "Condition: class.",
        "longest step 0.1",
        "ratio 0.42 in random convolutions",
        "Generators side by side",
        "0002-gan",
        "1 min 1 s",
    ):
        assert words in text


def test_names_with_markup_are_shown_not_obeyed(tmp_path):
    read_page(make_contents(), tmp_path / "report.html")
    source = (tmp_path / "report.html").read_text()
    assert "<b>bird</b>" not in source
    assert "&lt;b&gt;bird&lt;/b&gt;" in source


def test_the_pictures_in_a_report_can_be_opened(tmp_path):
    page = read_page(make_contents(), tmp_path / "report.html")
    pictures = [address for address in page.addresses if address.startswith("data:")]
    assert len(pictures) > 10
    for address in pictures:
        Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).load()


def test_the_same_contents_give_the_same_file(tmp_path):
    write_report(make_contents(), tmp_path / "a.html")
    write_report(make_contents(), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_missing_parts_are_left_out_and_named(tmp_path):
    page = read_page(ReportContents(make_images(3, labels=False)), tmp_path / "report.html")
    assert page.sections == ["beside", "health"]
    assert "Not in this report yet: a map and clusters (imatlas map); generated images" in page.text
    assert page.open == []


def test_a_map_without_a_model_is_a_whole_report(tmp_path):
    full = make_contents()
    contents = ReportContents(full.images, manifold=full.manifold, places=full.places)
    page = read_page(contents, tmp_path / "report.html")
    assert page.sections == ["beside", "map", "trust", "clusters", "health"]


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_images_make_a_report(tmp_path, n):
    contents = ReportContents(make_images(n, channels=3), places=np.zeros((n, 2)))
    assert "map" in read_page(contents, tmp_path / "report.html").sections


def test_excluded_images_are_not_drawn(tmp_path):
    images = make_images(12, labels=False)
    images.excluded[:11] = True
    text = read_page(ReportContents(images, places=np.eye(12)[:, :2]), tmp_path / "report.html").text
    assert "Every image" in text
    assert "Taken out by a person 11 images" in text


def test_clusters_are_shown_by_name_and_without_the_images_taken_out(tmp_path):
    images = make_images(40, labels=False)
    manifold = make_manifold(images, 3)
    rows = manifold.rows[manifold.clusters.labels == 1]
    images.excluded[rows[2:]] = True
    contents = ReportContents(images, manifold=manifold, places=np.zeros((40, 2)), cluster_names=["hats", "striped shirts"])
    text = read_page(contents, tmp_path / "report.html").text
    assert "striped shirts 2 images" in text
    assert "Cluster 3" in text


def test_many_clusters_are_shown_in_part_and_the_rest_is_counted(tmp_path):
    images = make_images(400, labels=False)
    contents = ReportContents(images, manifold=make_manifold(images, 90), places=np.random.default_rng(0).normal(size=(400, 2)))
    text = read_page(contents, tmp_path / "report.html").text
    assert "66 smaller clusters with 264 images are not shown here: 25 (4), 26 (4), " in text


def test_wider_clusters_are_shown_as_they_are_asked_for_with_their_sizes(tmp_path):
    """360 training images in 8 clusters of 45, in pairs and in fours."""
    images = make_images(400, labels=False)
    manifold = make_manifold(images, 8)
    fine = manifold.clusters.labels
    clusters = replace(manifold.clusters, levels=np.stack([fine // 4, fine // 2, fine], axis=1))
    manifold = replace(manifold, clusters=clusters)
    levels = survey_manifold(manifold, images).levels
    assert levels["cluster_middle"] == {str(number): 90 for number in range(1, 5)}
    assert levels["cluster_coarse"] == {"1": 180, "2": 180}
    page = read_page(ReportContents(images, manifold=manifold), tmp_path / "report.html")
    assert page.open == []
    assert "Wider clusters 4 middle (middle:1, …), 2 coarse (coarse:1, …)" in page.text
    middle, coarse = page.text.split("Wider groups, asked for as --cluster ")[1:]
    assert [f"middle:{number} 90 images" in middle for number in range(1, 6)] == [True] * 4 + [False]
    assert coarse.startswith("coarse:NUMBER coarse:1 180 images")


def test_a_report_of_ten_thousand_colour_images_stays_below_eight_megabytes(tmp_path):
    """Noise is the worst case for every image coder; here its low 4 bits are kept, far above any photograph."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 16, (10_000, 32, 32, 3), dtype=np.uint8) * 16
    images = ImageSet(pixels, np.arange(10_000).astype(str))
    manifold = make_manifold(images, 84)
    write_report(ReportContents(images, manifold=manifold, places=rng.normal(size=(10_000, 2))), tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 8e6


def test_contents_that_do_not_match_are_refused():
    images = make_images()
    with pytest.raises(ValueError, match="one place per image"):
        ReportContents(images, places=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="one per sample"):
        ReportContents(images, asked=np.zeros(3))
    with pytest.raises(ValueError, match="'class', 'cluster'"):
        ReportContents(images, asked_by="style")


def test_a_place_that_cannot_be_written_is_reported_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Could not write"):
        write_report(ReportContents(make_images(2)), tmp_path / "file" / "report.html")
