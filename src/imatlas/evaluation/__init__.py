"""Judging generated images: quality, diversity, novelty and speed, each score with an interval and a floor."""

from imatlas.evaluation.accumulating import KernelSums, Moments, kernel_of_sums
from imatlas.evaluation.calibrated import calibrated_coverage
from imatlas.evaluation.copies import PATCH_SPACE, PIXEL_SPACE, CopyPair, closest_pairs, copy_rate, copy_ratios, pairs_in_turns
from imatlas.evaluation.costs import COST_METRICS, COSTS
from imatlas.evaluation.coverage import NeighborShares, neighbor_shares
from imatlas.evaluation.energy import energy_reader
from imatlas.evaluation.frechet import frechet_distance, frechet_estimate, frechet_of_moments
from imatlas.evaluation.intervals import Estimate
from imatlas.evaluation.judged import JudgedTrial, judge
from imatlas.evaluation.kernel_distance import kernel_distance
from imatlas.evaluation.modes import effective_modes, vendi_score
from imatlas.evaluation.nearest import nearest_rows
from imatlas.evaluation.of_rows import score_rows
from imatlas.evaluation.paired import Difference, compare_trials, difference_sentences
from imatlas.evaluation.references import gaussian_images, some_generated, training_copies, with_generated
from imatlas.evaluation.relative import nearest_relative
from imatlas.evaluation.scoring import DEFAULT_METRICS, METRICS, NEAREST, Metric, evaluate_trial
from imatlas.evaluation.sliced import sliced_distance
from imatlas.evaluation.speed import Instruments, measure_speed, median_interval, spread
from imatlas.evaluation.verdict import TableRow, plain_name, score_table, verdict

__all__ = [
    "COSTS",
    "COST_METRICS",
    "DEFAULT_METRICS",
    "METRICS",
    "NEAREST",
    "PATCH_SPACE",
    "PIXEL_SPACE",
    "CopyPair",
    "Difference",
    "Estimate",
    "Instruments",
    "JudgedTrial",
    "KernelSums",
    "Metric",
    "Moments",
    "NeighborShares",
    "TableRow",
    "calibrated_coverage",
    "closest_pairs",
    "compare_trials",
    "copy_rate",
    "copy_ratios",
    "difference_sentences",
    "effective_modes",
    "energy_reader",
    "evaluate_trial",
    "frechet_distance",
    "frechet_estimate",
    "frechet_of_moments",
    "gaussian_images",
    "judge",
    "kernel_distance",
    "kernel_of_sums",
    "measure_speed",
    "median_interval",
    "nearest_relative",
    "nearest_rows",
    "neighbor_shares",
    "pairs_in_turns",
    "plain_name",
    "score_rows",
    "score_table",
    "sliced_distance",
    "some_generated",
    "spread",
    "training_copies",
    "vendi_score",
    "verdict",
    "with_generated",
]
