"""Training images in place of samples: the floor of the distance, and how much of the test images a perfect program covers."""

from generation.cell import Cell
from generation.judge import VIEWS, judge, judge_notes, stand_ins


def measure(cell: Cell) -> None:
    """Keep the stand-ins, and what is known of the judges of the set."""
    for view in VIEWS:
        judge(cell.job.set_name, view, cell.place)
        cell.numbers |= {f"{view}_{name}": value for name, value in judge_notes(cell.job.set_name, view, cell.place).items()}
    cell.keep(stand_ins(cell.job.set_name, cell.place)[: cell.n_samples])
