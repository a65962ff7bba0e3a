"""The tables of benchmarks/manifold.py: targets with ours, peer, ratio, met or not; then the quality behind them.

A target that was measured is met or missed, by the numbers alone; what was not measured is "not there".
"""

import math
from collections.abc import Callable, Iterator

Results = dict[str, dict]

_LOWER, _HIGHER = "at most", "at least"


def tables(results: Results) -> list[str]:
    """Give the lines of all tables in Markdown."""
    lines = ["| target | ours | peer | ratio | wanted | met |", "|---|---|---|---|---|---|"]
    for part in (_graph, _map, _clusters, _geodesics, _places, _large, _trust, _threads):
        lines += part(results)
    return [
        *lines,
        "",
        *_list(results, "graph", GRAPH),
        "",
        *_list(results, "map", MAP),
        "",
        *_list(results, "clusters", CLUSTERS),
    ]


GRAPH = ("import_seconds", "first_seconds", "again_seconds", "peak_gb", "recall", "recall_first_percentile")
MAP = (
    *("launch_seconds", "first_seconds", "again_seconds", "peak_gb", "trustworthiness"),
    *("neighbor_recall", "label_accuracy", "random_triplets", "centroid_triplets"),
)
CLUSTERS = (
    *("first_seconds", "again_seconds", "clusters", "coverage", "ari", "ami", "ari_assigned", "ami_assigned"),
    *("ari_clustered", "ami_clustered", "best_ari", "best_ami", "best_clusters"),
)


def _graph(results: Results) -> Iterator[str]:
    ours, peer = _cell(results, "graph/mnist/imatlas"), _cell(results, "graph/mnist/pynndescent")
    fresh = [_sum(cell, "import_seconds", "first_seconds") for cell in (ours, peer)]
    yield _row("graph, fresh process, s", *fresh, _LOWER, 0.2)
    yield _row("graph, search alone, s", ours("again_seconds"), peer("again_seconds"), _LOWER, 1)
    yield _row("graph, recall at 15", ours("recall"), peer("recall"), _HIGHER, 0.99, absolute=True)


def _map(results: Results) -> Iterator[str]:
    for name in ("mnist", "fashion-mnist"):
        ours, umap, pacmap = (_cell(results, f"map/{name}/{library}") for library in ("imatlas", "umap", "pacmap"))
        fresh = ours("launch_seconds")
        yield _row(f"map of {name}, fresh, beside umap-learn fresh, s", fresh, umap("launch_seconds"), _LOWER, 0.25)
        yield _row(f"map of {name}, fresh, beside umap-learn compiled, s", fresh, umap("again_seconds"), _LOWER, 0.667)
        for score in ("trustworthiness", "neighbor_recall", "label_accuracy"):
            yield _row(f"map of {name}, {score}, beside umap-learn", ours(score), umap(score), _HIGHER, 1)
        score = "random_triplets"
        yield _row(f"map of {name}, {score}, beside PaCMAP", ours(score), pacmap(score), _HIGHER, 1)


def _clusters(results: Results) -> Iterator[str]:
    for name, score, wanted in (("mnist", "ari", 0.90), ("fashion-mnist", "ami", 0.66), ("digits", "ari", 0.90)):
        ours, peer = _cell(results, f"clusters/{name}/imatlas"), _cell(results, f"clusters/{name}/evoc")
        what = f"clusters of {name}, {score.upper()}, beside EVoC's best layer"
        yield _row(what, ours(score), peer(f"best_{score}"), _HIGHER, wanted, absolute=True)
    ours, peer = _cell(results, "clusters/mnist/imatlas"), _cell(results, "clusters/mnist/evoc")
    what = "clusters of mnist from the graph, s, beside EVoC compiled from rows"
    yield _row(what, ours("first_seconds"), peer("again_seconds"), _LOWER, 10, absolute=True)


def _geodesics(results: Results) -> Iterator[str]:
    ours, peer = _cell(results, "geodesics/mnist/imatlas"), _cell(results, "geodesics/mnist/scipy")
    what = "128 landmark geodesics, s, beside 128 random sources of SciPy"
    yield _row(what, ours("first_seconds"), peer("first_seconds"), _LOWER, 10, absolute=True)
    yield _row("pair bounds, pairs/s", ours("pairs_per_second"), None, _HIGHER, 200_000, absolute=True)
    yield _row("median gap of bounds, share of distance", ours("median_gap"), None, "reported", None)


def _places(results: Results) -> Iterator[str]:
    for group, wanted in (("transform", 10_000), ("inverse", 2000)):
        peer = _cell(results, f"{group}/mnist/umap")("rows_per_second")
        for name in sorted(results):
            if name.startswith(f"{group}/mnist/imatlas"):
                what = f"{group} by {name.split(':')[1]}, rows/s, beside umap-learn"
                yield _row(what, results[name]["rows_per_second"], peer, _HIGHER, wanted, absolute=True)
        if not any(name.startswith(f"{group}/mnist/imatlas") for name in results):
            yield _row(f"{group}, rows/s", None, peer, _HIGHER, wanted, absolute=True)


def _large(results: Results) -> Iterator[str]:
    small, big = (_cell(results, f"large/cube-{size}/imatlas") for size in ("70k", "1m"))
    peer = _cell(results, "large/cube-1m/pynndescent")
    yield _row("1,000,000 x 64: graph, s, beside pynndescent", big("graph_seconds"), peer("graph_seconds"), "reported", None)
    yield _row("1,000,000 x 64: recall at 15", big("recall"), peer("recall"), "reported", None)
    yield _row("1,000,000 x 64: graph and map, s", big("both_seconds"), None, "reported", None)
    yield _row("1,000,000 x 64: peak memory, GB", big("peak_gb"), peer("peak_gb"), _LOWER, 8, absolute=True)
    growth = None
    if small("both_seconds") and big("both_seconds") and big("rows") > small("rows"):
        growth = math.log(big("both_seconds") / small("both_seconds")) / math.log(big("rows") / small("rows"))
    yield _row("growth of graph and map, 70k to 1M: exponent of n", growth, None, _LOWER, 1.2, absolute=True)


def _trust(results: Results) -> Iterator[str]:
    ours, peer = _cell(results, "trust/mnist/imatlas"), _cell(results, "trust/mnist/scikit-learn")
    what = "trust of 70,000 x 784, s, beside scikit-learn on 10,000 rows"
    yield _row(what, ours("first_seconds"), peer("first_seconds"), _LOWER, 10, absolute=True)
    large = _cell(results, "trust/cube-1m/imatlas")("first_seconds")
    yield _row("trust of 1,000,000 x 64, s", large, None, _LOWER, 60, absolute=True)
    yield _row("trustworthiness, ours less scikit-learn's, same rows", peer("difference"), None, _LOWER, 0.001, absolute=True)


def _threads(results: Results) -> Iterator[str]:
    one, two = (_cell(results, f"threads/mnist/imatlas:{threads}") for threads in (1, 2))
    for what in ("graph", "map", "DensityClusters", "BalancedClusters"):
        bits = one(f"{what}_bits"), two(f"{what}_bits")
        same = None if None in bits else bits[0] == bits[1]
        seconds = one(f"{what}_seconds"), two(f"{what}_seconds")
        verdict = "not there" if same is None else "yes" if same else "**no**"
        ratio = seconds[1] / seconds[0] if None not in seconds else None
        numbers = " | ".join(_show(number) for number in (seconds[1], seconds[0], ratio))
        yield f"| {what}, s with 2 threads, beside 1 thread | {numbers} | same bits | {verdict} |"


def _row(what: str, ours: float | None, peer: float | None, how: str, wanted: float | None, absolute: bool = False) -> str:
    """Give one line; the bound holds for the ratio ours / peer, or for ours if absolute."""
    ratio = ours / peer if ours is not None and peer else None
    judged = ours if absolute else ratio
    if ours is None or (wanted is not None and judged is None):
        met = "not there"
    elif wanted is None:
        met = ""
    else:
        met = "yes" if (judged <= wanted if how == _LOWER else judged >= wanted) else "**no**"
    bound = how if wanted is None else f"{how} {wanted:,}" + ("" if absolute else " of peer")
    return f"| {what} | {_show(ours)} | {_show(peer)} | {_show(ratio)} | {bound} | {met} |"


def _list(results: Results, group: str, columns: tuple[str, ...]) -> list[str]:
    """Give a table of some numbers of every cell of a group."""
    names = [name for name in results if name.startswith(f"{group}/")]
    lines = [
        f"| {group} | " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    shown = [" | ".join(_show(results[name].get(column)) for column in columns) for name in names]
    return lines + [f"| {name.split('/', 1)[1]} | {numbers} |" for name, numbers in zip(names, shown)]


def _cell(results: Results, name: str) -> Callable[[str], float | None]:
    return lambda number: results.get(name, {}).get(number)


def _sum(cell: Callable[[str], float | None], *numbers: str) -> float | None:
    values = [cell(number) for number in numbers]
    return None if None in values else sum(values)


def _show(value: float | None) -> str:
    if value is None:
        return ""
    return (
        f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) >= 10 or value == int(value) else f"{value:.3f}"
    )
