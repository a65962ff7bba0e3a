"""The tables of benchmarks/evaluation.py: targets with ours, peer, ratio, met or not; then the numbers behind them.

A target that was measured is met or missed, by the numbers alone; what was not measured is "not there".
"""

from collections.abc import Iterator

Results = dict[str, dict]

SAME = 1e-4
COLUMNS = ("first_seconds", "again_seconds", "peak_gb", "own_gb", "runs")


def tables(results: Results) -> list[str]:
    """Give the lines of all tables in Markdown."""
    lines = ["| target | ours | peer | ratio | wanted | met |", "|---|---|---|---|---|---|"]
    for part in (_shares, _many_shares, _frechet, _vendi, _metrics):
        lines += part(results)
    return [*lines, "", *_cells(results), "", *_stages(results)]


def _shares(results: Results) -> Iterator[str]:
    peer = results.get("shares/10k/prdc", {})
    for variant, wanted in (("float32", 1 / 3), ("bfloat16", 1 / 6)):
        ours = results.get(f"shares/10k/imatlas:{variant}", {})
        what = f"precision, recall, density, coverage, 10k x 10k x 512, {variant}"
        yield _row(f"{what}: s", ours.get("seconds"), peer.get("seconds"), wanted)
        yield _row(f"{what}: GB, whole process", ours.get("peak_gb"), peer.get("peak_gb"), 0.25)
        yield _row(f"{what}: GB, beyond imports and input", ours.get("own_gb"), peer.get("own_gb"), 0.25)
        yield _same(what, ours, peer)


def _many_shares(results: Results) -> Iterator[str]:
    coarse, fine = (results.get(f"shares/50k/imatlas:{variant}", {}) for variant in ("bfloat16", "float32"))
    for ours, variant, seconds in ((fine, "float32", 240), (coarse, "bfloat16", 100)):
        what = f"the same, 50k x 50k x 512, {variant}"
        yield _row(f"{what}: s", ours.get("seconds"), None, seconds)
        yield _row(f"{what}: GB, whole process", ours.get("peak_gb"), None, 1.5)
    yield _same("the same, 50k x 50k x 512, bfloat16 beside float32", coarse, fine)


def _frechet(results: Results) -> Iterator[str]:
    for size, rows, wanted in (("5k", "5,000", 0.1), ("500", "500", 0.05)):
        ours, peer = (results.get(f"frechet/{size}/{party}", {}) for party in ("imatlas", "scipy"))
        what = f"Fréchet distance, n = {rows}, d = 2,048"
        yield _row(f"{what}: s, beside the matrix square root", ours.get("seconds"), peer.get("seconds"), wanted)
        yield _same(what, ours, peer)


def _vendi(results: Results) -> Iterator[str]:
    ours, peer = (results.get(f"vendi/10k/{party}", {}) for party in ("imatlas", "vendi-score"))
    what = "Vendi score, n = 10k, d = 768"
    yield _row(f"{what}: s, beside `score_X`", ours.get("seconds"), peer.get("seconds"), 0.02)
    yield _same(what, ours, peer)


def _metrics(results: Results) -> Iterator[str]:
    ours = results.get("metrics/10k/imatlas", {})
    what = "all default metrics with intervals, 10k against 10k, two extractors, extraction included: s"
    yield _row(what, ours.get("scored_seconds"), None, 60)
    yield f"| the same with both reference rows: s | {_show(ours.get('seconds'))} |  |  | reported |  |"


def _row(what: str, ours: float | None, peer: float | None, wanted: float) -> str:
    """Give one line; the bound holds for the ratio ours / peer, or for ours itself where a target has no peer."""
    is_absolute = wanted >= 1
    ratio = ours / peer if ours is not None and peer else None
    judged = ours if is_absolute else ratio
    met = "not there" if judged is None else "yes" if judged <= wanted else "**no**"
    bound = f"at most {wanted:g}" if is_absolute else f"at most {wanted:.3g} of peer"
    return f"| {what} | {_show(ours)} | {_show(peer)} | {_show(ratio)} | {bound} | {met} |"


def _same(what: str, ours: dict, peer: dict) -> str:
    """Give the line on the largest difference of answers, over their size where that is above 1."""
    names = [name for name in ours if name.startswith("answer_") and name in peer]
    if not names:
        return f"| {what}: difference of the numbers |  |  |  | at most {SAME} | not there |"
    most = max(abs(ours[name] - peer[name]) / max(1.0, abs(peer[name])) for name in names)
    met = "yes" if most <= SAME else "**no**"
    return f"| {what}: difference of the numbers | {most:.1g} |  |  | at most {SAME} | {met} |"


def _cells(results: Results) -> list[str]:
    lines = ["| cell | " + " | ".join(column.replace("_", " ") for column in COLUMNS) + " | answers |"]
    lines.append("|---" * (len(COLUMNS) + 2) + "|")
    for name, numbers in results.items():
        answers = {key.removeprefix("answer_"): value for key, value in numbers.items() if key.startswith("answer_")}
        told = (
            f"{len(answers)} scores" if len(answers) > 6 else ", ".join(f"{key} {value:.6g}" for key, value in answers.items())
        )
        lines.append(f"| {name} | " + " | ".join(_show(numbers.get(column)) for column in COLUMNS) + f" | {told} |")
    return lines


def _stages(results: Results) -> list[str]:
    """Give a table of what each metric took, longest first; in what is shared, the first to ask pays."""
    numbers = results.get("metrics/10k/imatlas", {})
    stages = {name.removesuffix(" seconds"): value for name, value in numbers.items() if name.endswith(" seconds")}
    lines = ["| metric | s |", "|---|---|", f"| extraction | {_show(numbers.get('extraction_seconds'))} |"]
    lines += [f"| {name} | {_show(stages[name])} |" for name in sorted(stages, key=lambda name: -stages[name])]
    return lines if stages else []


def _show(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
