"""The arms of a comparison: what is trained, and how images are drawn from it.

A fit is one training. An arm draws from a fit; several may share one, so that they differ by the drawing alone. All fits of a
study have the same kind and size of network, the same order of images, and the same time: what an arm needs of the manifold
stage, or of clustering of its own, is taken from the time of its training. Each arm is compared with its baseline,
`Arm.against`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.studies.partitions import (
    Remake,
    as_learned,
    counted_clusters,
    densest,
    pixel_clusters,
    random_clusters,
    surface_clusters,
)

__all__ = ["ARMS", "BASELINE", "BESIDE", "GUIDED", "Arm", "Fit", "default_arms", "find_arms"]

BASELINE = "unconditional-longer"
GUIDED = "+guided"
GUIDABLE = frozenset({"flow", "latent_flow", "vae"})
GUIDED_BY_DEFAULT = frozenset({"latent_flow", "vae"})
"""Kinds of generators that keep an early copy of themselves, and those that draw with it when nobody turns a dial."""


@dataclass(frozen=True)
class Fit:
    """One training.

    Parameters
    ----------
    name : of its folder.
    conditions : keys of `CONDITIONS`, those of them that the set has; none = unconditional. Without the class, labels are
        hidden.
    charged : what is taken from its time: "nothing", "stage" (all that the map took), "clusters" (its features and
        clusters), "graph" (its features, neighbors and geometry), "own" (what `remade` took) or "both" (that and the stage).
    remade : gives the manifold it is trained with.
    kind : key of `GENERATORS`; empty = the study's.
    """

    name: str
    conditions: tuple[str, ...] = ()
    charged: str = "nothing"
    remade: Remake = as_learned
    kind: str = ""


@dataclass(frozen=True)
class Arm:
    """One way to make images.

    Parameters
    ----------
    name : what people ask for.
    says : what it is, one clause for people.
    fit : what it draws from.
    codes_from : as for `choose_codes`; "conditions" = each condition draws a code as in the set.
    sampler : of a VAE's code, a key of `CODE_SAMPLERS`; empty = the generator's own.
    guided : whether it keeps away from an early copy of itself (autoguidance).
    against : name of the arm it is compared with.
    """

    name: str
    says: str
    fit: Fit
    codes_from: str = ""
    sampler: str = ""
    guided: bool = False
    against: str = BASELINE


_NEIGHBORHOOD = Fit("neighborhood", ("neighborhood",), "stage")
_VAE = Fit("vae", kind="vae")
_UNLABELLED = tuple(name for name in CONDITIONS if name != "class")

_FLOWS = (
    Arm(BASELINE, "no condition, the whole time for training", Fit(BASELINE)),
    Arm(
        "unconditional", "no condition, trained as long as an arm that pays for the manifold", Fit("unconditional", (), "stage")
    ),
    Arm(
        "placebo",
        "groups dealt by lot, as large as the clusters, in the whole time",
        Fit("placebo", ("cluster",), remade=random_clusters),
    ),
    Arm("pixel-clusters", "clusters of plain pixels", Fit("pixel-clusters", ("cluster",), "own", pixel_clusters)),
    Arm(
        "surface-clusters",
        "clusters of random convolutions",
        Fit("surface-clusters", ("cluster",), "own", surface_clusters),
    ),
    Arm("clusters", "clusters of the manifold, the finest level", Fit("clusters", ("cluster",), "stage")),
    Arm(
        "middle-clusters",
        "clusters of the manifold, a level coarser",
        Fit("middle-clusters", ("cluster_middle",), "stage"),
        "conditions",
    ),
    Arm(
        "clusters-alone",
        "the same clusters, which pay for features and clustering alone",
        Fit("clusters-alone", ("cluster",), "clusters"),
    ),
    Arm(
        "neighborhood-alone",
        "neighborhoods, which pay for features and graph alone",
        Fit("neighborhood-alone", ("neighborhood",), "graph"),
    ),
    Arm("neighborhood", "neighborhoods of the manifold, drawn by the small prior", _NEIGHBORHOOD),
    Arm("place", "places on the map", Fit("place", ("map_place",), "stage"), "conditions"),
    Arm("all-conditions", "all that the manifold gives, as imatlas run trains", Fit("all-conditions", _UNLABELLED, "stage")),
    Arm("classes", "the true labels", Fit("classes", ("class",))),
    Arm("oracle-codes", "neighborhoods of training images, which no prior drew: a ceiling", _NEIGHBORHOOD, "bank"),
    *(
        Arm(
            f"clusters-{n}",
            f"{n} clusters of the manifold's features, or as many as are large enough",
            Fit(f"clusters-{n}", ("cluster",), "both", partial(counted_clusters, n_clusters=n)),
        )
        for n in (10, 30, 100)
    ),
    *(
        Arm(
            f"dense-{percent}",
            f"no condition, trained on the {percent} % of the images in the densest parts",
            Fit(f"dense-{percent}", (), "stage", partial(densest, share=percent / 100)),
        )
        for percent in (80, 50)
    ),
)
_CODES = {
    "normal": "a VAE drawn from its own normal prior",
    "mixture": "the same VAE, its codes drawn from ten normals fitted to them",
    "code_flow": "the same VAE, its codes drawn by a flow that was learned for 30 % of its time",
    "smoothed": "the same VAE, codes between training codes and near neighbors of theirs",
    "walk": "the same VAE, codes at the end of random walks from neighbor to neighbor",
    "volume": "the same VAE, codes drawn as often as the encoder's metric has volume",
}
_SAMPLED = tuple(
    Arm(f"vae-{name.replace('_', '-')}", says, _VAE, sampler=name, against="vae-normal") for name, says in _CODES.items()
)


def _guided(arm: Arm) -> Arm:
    against = arm.against if arm.sampler else arm.against + GUIDED
    return replace(arm, name=arm.name + GUIDED, says=f"{arm.says}; with autoguidance", guided=True, against=against)


ARMS: dict[str, Arm] = {
    arm.name: arm
    for plain in (*_FLOWS, *_SAMPLED)
    for arm in ([plain, _guided(plain)] if plain.sampler in ("", "code_flow") else [plain])
}
"""Every arm by name; `NAME+guided` draws from the same weights as NAME, with autoguidance."""


BESIDE = {
    ("clusters", "placebo"): "whether it is what the groups mean",
    ("clusters", "pixel-clusters"): "whether it takes a manifold",
    ("clusters", "surface-clusters"): "whether it takes a manifold",
    ("neighborhood", "clusters"): "whether codes say more than groups",
    ("neighborhood", "oracle-codes"): "how much the prior loses",
}
"""Pairs of arms that are compared with one another too, and what that tells; guided ones likewise."""


def default_arms(kind: str, *, labelled: bool) -> tuple[str, ...]:
    """Name the arms of a usual comparison, guided where the generator draws so by itself."""
    names = [BASELINE, "placebo", "clusters", "neighborhood", *(["classes"] if labelled else [])]
    return tuple(name + GUIDED if kind in GUIDED_BY_DEFAULT else name for name in names)


def find_arms(names: Sequence[str], kind: str, *, labelled: bool) -> tuple[Arm, ...]:
    """Give the arms of some names, the baseline of each before all others, none twice.

    Parameters
    ----------
    names : keys of `ARMS`; none = `default_arms`.
    kind : of generator that the study trains.
    labelled : whether the images have labels of two classes or more.

    Raises
    ------
    InputError
        If there is no such arm, or the set or the generator does not allow it.
    """
    chosen = tuple(names) or default_arms(kind, labelled=labelled)
    for name in chosen:
        if name not in ARMS:
            raise InputError(f"There is no arm {name!r}; choose from: {', '.join(ARMS)}.")
        arm = ARMS[name]
        if "class" in arm.fit.conditions and not labelled:
            raise InputError(f"The arm {name} needs labels of two classes at least, and the images have none. Leave it out.")
        if arm.guided and (arm.fit.kind or kind) not in GUIDABLE:
            able = ", ".join(sorted(GUIDABLE))
            raise InputError(f"The arm {name} needs an early copy, which a {kind} does not keep. Take {able}, or leave it out.")
    baselines = [ARMS[name].against for name in chosen]
    return tuple(ARMS[name] for name in dict.fromkeys((*baselines, *chosen)))
