"""Comparisons of many models on the same images: what helps, by how much, and how sure that is."""

from imatlas.studies.arms import ARMS, Arm, Fit, default_arms, find_arms
from imatlas.studies.cells import CellResult, pixels_of
from imatlas.studies.differences import ArmDifference, by_arm, mean_interval
from imatlas.studies.plan import Cell, Study, arms_of, count_of, forecast_study, subset_of
from imatlas.studies.running import Outcome, compare

__all__ = [
    "ARMS",
    "Arm",
    "ArmDifference",
    "Cell",
    "CellResult",
    "Fit",
    "Outcome",
    "Study",
    "arms_of",
    "by_arm",
    "compare",
    "count_of",
    "default_arms",
    "find_arms",
    "forecast_study",
    "mean_interval",
    "pixels_of",
    "subset_of",
]
