"""Scores of trust in a map, and the facts of its graph, as people read them."""

from __future__ import annotations

from imatlas.app.trust_rows import TrustRow, trust_rows
from imatlas.app.words import between, number, plural
from imatlas.recipes import OUTLYING, Survey

__all__ = ["TrustRow", "graph_facts", "standing_out", "trust_rows"]


def graph_facts(survey: Survey, noun: str) -> list[tuple[str, str]]:
    """Word what is known of the graph, the dimension and the clusters: (what, how much).

    Parameters
    ----------
    noun : "image" or "row".
    """
    exact = "exact" if survey.recall == 1 else f"{100 * survey.recall:.1f}\u00a0% of the true neighbors found, measured"
    if survey.n_parts == 1:
        whole = "all in one connected part"
    else:
        sizes = ", ".join(f"{size:,}" for size in survey.parts[:5]) + (", …" if survey.n_parts > 5 else "")
        whole = f"{survey.n_parts:,} parts that no neighbors connect ({sizes} {noun}s)"
    methods = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in survey.dimension_methods.items())
    interval = between(survey.dimension_interval[0], survey.dimension_interval[1])
    dimension = f"{number(survey.dimension)}, 95\u00a0% interval {interval}" + (f" ({methods})" if methods else "")
    facts = [
        ("Neighbors", f"{survey.neighbors} each by {survey.metric} distance, {exact}"),
        ("Connected parts", whole),
        ("Intrinsic dimension", dimension),
    ]
    if survey.clustering != "none":
        none = f", {plural(survey.unclustered, noun)} in none" if survey.unclustered else ""
        facts.append(("Clusters", f"{survey.clusters:,} by {survey.clustering.replace('_', ' ')}{none}"))
    wider = {name.removeprefix("cluster_"): sizes for name, sizes in survey.levels.items() if name != "cluster"}
    if wider:
        levels = ", ".join(f"{len(sizes):,} {level} ({level}:{next(iter(sizes))}, …)" for level, sizes in wider.items())
        facts.append(("Wider clusters", levels))
    named = f", the furthest out {survey.outlying[0][0]} ({number(survey.outlying[0][1])})" if survey.outlying else ""
    facts.append(("Outliers", f"{plural(survey.outliers, noun)} with a score above {OUTLYING}{named}"))
    groups = f" in {plural(survey.copy_groups, 'group')}" if survey.copied else ""
    facts.append(("Near-duplicates", f"{plural(survey.copied, noun)}{groups}"))
    if survey.hubs:
        name, count = survey.hubs[0]
        nobody = f"{plural(survey.antihubs, noun)} {'is' if survey.antihubs == 1 else 'are'} nobody's neighbor"
        facts.append(("Hubs", f"most often a neighbor: {name}, {count:,} times ({survey.neighbors} on average); {nobody}"))
    return facts


def standing_out(survey: Survey, noun: str) -> list[dict]:
    """Lay out outliers, near-duplicates and hubs for a report: title, what it means, and (name, how much) rows."""
    copies = [(group[0], ", ".join(group[1:6]) + (", …" if len(group) > 6 else "")) for group in survey.copies]
    groups = [
        {
            "title": f"Outliers: {survey.outliers:,}",
            "plain": f"The score compares how far a {noun}'s neighbors are with how far theirs are; about 1 is ordinary, "
            f"and those above {OUTLYING} count as outliers.",
            "rows": [(name, number(score)) for name, score in survey.outlying],
        },
        {
            "title": f"Near-duplicates: {survey.copied:,}",
            "plain": f"Each {noun} beside those that are nearer to it than chance would put them.",
            "rows": copies,
        },
        {
            "title": "Hubs",
            "plain": f"How often a {noun} is among the {survey.neighbors} nearest of another; {survey.antihubs:,} never are. "
            f"The skewness of the counts is {number(survey.hubness)}; above 1 a few {noun}s are neighbors of very many.",
            "rows": [(name, f"{count:,} times") for name, count in survey.hubs[:5]],
        },
    ]
    return [group for group in groups if group["rows"]]
