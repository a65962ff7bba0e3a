"""The tables of benchmarks/generation.py: targets with what was measured, and the numbers behind them.

A target that was measured is met or missed, by the numbers alone; "so far" where a peer it is compared with is not there.
"""

from generation.targets import AT_MOST, TARGETS, Target, Value

Results = dict[str, dict]

LABEL_VIEWS = ("labels-0", "labels-1")
SCORES = ("frechet", "density", "coverage")
COLUMNS = {
    "FD": "frechet",
    "FD, judge 0": "labels-0_frechet",
    "FD, judge 1": "labels-1_frechet",
    "FD, random": "random_frechet",
    "density": "density",
    "coverage": "coverage",
    "coverage, random": "random_coverage",
    "copies (test)": "features_copies",
    "pixel copies (test)": "pixels_copies",
}
NUMBERS = {
    "drawn/s": "",
    "million parameters": "parameters",
    "trained/s": "images_trained_per_second",
    "seconds": "fitted_seconds",
    "GB": "peak_gb",
}


def tables(results: Results) -> list[str]:
    """Give the lines of all tables in Markdown."""
    lines = ["| target | measured | beside | ratio | wanted | met |", "|---|---|---|---|---|---|"]
    lines += [_row(target, results) for target in TARGETS]
    for group in ("quality", "bakeoff", "gpu"):
        lines += _scored(results, group)
    lines += _arms(results) + _steps(results)
    return lines + _list(results, "throughput", ("ours_images_per_second", "plain_images_per_second", "ratio", "ratio_least"))


def look_up(results: Results, value: Value) -> float | None:
    """Give a number of the results, None if it is not there."""
    cell = results.get(value.cell, {})
    if not value.samples:
        return cell.get(value.number)
    scores = cell.get("scores", {}).get(value.samples, {})
    if value.number in SCORES:
        views = [scores.get(f"{view}_{value.number}") for view in LABEL_VIEWS]
        return None if None in views else sum(views) / len(views)
    return scores.get(value.number)


def _row(target: Target, results: Results) -> str:
    measured = look_up(results, target.value)
    others = {_short(value): look_up(results, value) for value in target.over}
    there = {name: number for name, number in others.items() if number is not None}
    best = min(there, key=lambda name: there[name]) if there else None
    ratio = measured / there[best] if best is not None and measured is not None and there[best] else None
    judged = ratio if target.over else measured
    if judged is None:
        met = "not there"
    else:
        met = "yes" if (judged <= target.wanted if target.how == AT_MOST else judged >= target.wanted) else "**no**"
        met += "" if len(there) == len(others) else ", so far"
    beside = "" if best is None else f"{_show(there[best])} ({best})"
    bound = f"{target.how} {_show(target.wanted)}" + (" of it" if target.over else "")
    return f"| {target.what} | {_show(measured)} | {beside} | {_show(ratio)} | {bound} | {met} |"


def _short(value: Value) -> str:
    method = value.cell.rsplit("/", 1)[1]
    return method if value.samples in ("", "samples") else f"{method}, {value.samples}"


def _scored(results: Results, group: str) -> list[str]:
    """Give a table of all cells of a group that kept samples."""
    names = [(name, samples) for name in results if name.startswith(f"{group}/") for samples in results[name].get("scores", {})]
    if not names:
        return []
    lines = ["", f"| {group} | " + " | ".join([*COLUMNS, *NUMBERS]) + " |", "|---" * (len(COLUMNS) + len(NUMBERS) + 1) + "|"]
    for name, samples in names:
        cell = results[name]
        shown = [_show(look_up(results, Value(name, number, samples))) for number in COLUMNS.values()]
        for column, number in enumerate(COLUMNS.values()):
            if number.endswith("_copies") and shown[column]:
                shown[column] += f" ({_show(look_up(results, Value(name, number + '_of_test', samples)))})"
        numbers = [cell.get(number or f"{samples}_per_second") for number in NUMBERS.values()]
        numbers[1] = None if numbers[1] is None else numbers[1] / 1e6
        label = name.split("/", 1)[1] + ("" if samples == "samples" else f", {samples}")
        lines.append(f"| {label} | " + " | ".join([*shown, *map(_show, numbers)]) + " |")
    return lines


def _arms(results: Results) -> list[str]:
    """Give a table of the dials: what each arm chose, on validation images, and how that scored."""
    lines = []
    for name in (name for name in results if name.startswith("guidance/")):
        cell = results[name]
        for arm in (key.removesuffix(": dials") for key in cell if key.endswith(": dials")):
            dials = ", ".join(f"{dial} {value}" for dial, value in cell[f"{arm}: dials"].items())
            scores = [cell.get(f"{arm}: labels-0_{score}") for score in SCORES]
            shown = " | ".join(map(_show, [cell.get(f"validation_{arm}"), *scores]))
            lines.append(f"| {name.split('/', 1)[1]} | {arm} | {dials} | {shown} |")
    head = ["", "| guidance | arm | chosen | FD, validation | FD | density | coverage |", "|---|---|---|---|---|---|---|"]
    return head + lines if lines else []


def _steps(results: Results) -> list[str]:
    """Give a table of speed and distance by number of steps."""
    lines = []
    for name in (name for name in results if name.startswith("speed/")):
        cell = results[name]
        for setting in (key.removesuffix(": images_per_second") for key in cell if key.endswith(": images_per_second")):
            numbers = [cell.get(f"{setting}: {number}") for number in ("images_per_second", "labels-0_frechet", "loss")]
            lines.append(f"| {name.split('/', 1)[1]} | {setting} | " + " | ".join(map(_show, numbers)) + " |")
    head = ["", "| speed | steps | images/s | FD, judge 0 | loss against many |", "|---|---|---|---|---|"]
    return head + lines if lines else []


def _list(results: Results, group: str, columns: tuple[str, ...]) -> list[str]:
    """Give a table of some numbers of every cell of a group."""
    names = [name for name in results if name.startswith(f"{group}/")]
    head = ["", f"| {group} | " + " | ".join(column.replace("_", " ") for column in columns) + " |"]
    lines = [
        f"| {name.split('/', 1)[1]} | " + " | ".join(_show(results[name].get(column)) for column in columns) + " |"
        for name in names
    ]
    return [*head, "|---" * (len(columns) + 1) + "|", *lines] if names else []


def _show(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 10 or value == int(value) else f"{value:.3f}"
