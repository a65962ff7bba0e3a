"""Whole journeys, each a short function that returns values: learn a manifold, train, judge, walk."""

from imatlas.recipes.adding import Addition, add_images, add_rows, place_images
from imatlas.recipes.editing import named_now, trained_on, without_excluded
from imatlas.recipes.evaluating import Terms, evaluate, evaluate_all
from imatlas.recipes.exporting import Exported, Origin, export_from, export_model, load_extractor
from imatlas.recipes.forecasting import Forecast, StepForecast, forecast, forecast_images, forecast_rows, refuse_too_large
from imatlas.recipes.journeys import Wishes, extractor_of, judge_atlas, map_images, mapper_of, pick_device, train_atlas
from imatlas.recipes.judging import (
    Judgement,
    choose_spaces,
    compare_judgements,
    evaluate_model,
    judge_images,
    judging_count,
)
from imatlas.recipes.learning import FEWEST_TO_MAP, Learned, choose_extractor, fit_manifold, learn
from imatlas.recipes.matrix_journeys import map_matrix, methods_of
from imatlas.recipes.modeling import FEWEST_TO_TRAIN, Model, build_model, load_model, save_model, with_bank
from imatlas.recipes.path_scores import score_paths
from imatlas.recipes.paths import Path, code_chart, draw_ways, far_pairs, geodesic_codes, morph
from imatlas.recipes.real_set import RealSet, real_set
from imatlas.recipes.reconstructing import Reconstruction, reconstruct
from imatlas.recipes.rows import MapWishes, RowsMap, map_rows, place_rows
from imatlas.recipes.surveying import OUTLYING, Survey, cluster_levels, survey, survey_manifold
from imatlas.recipes.tours import MapGrid, between_four, cluster_hearts, loop_codes, map_grid, random_walk, walk_codes
from imatlas.recipes.training import train, train_model

__all__ = [
    "FEWEST_TO_MAP",
    "FEWEST_TO_TRAIN",
    "OUTLYING",
    "Addition",
    "Exported",
    "Forecast",
    "Judgement",
    "Learned",
    "MapGrid",
    "MapWishes",
    "Model",
    "Origin",
    "Path",
    "RealSet",
    "Reconstruction",
    "RowsMap",
    "StepForecast",
    "Survey",
    "Terms",
    "Wishes",
    "add_images",
    "add_rows",
    "between_four",
    "build_model",
    "choose_extractor",
    "choose_spaces",
    "cluster_hearts",
    "cluster_levels",
    "code_chart",
    "compare_judgements",
    "draw_ways",
    "evaluate",
    "evaluate_all",
    "evaluate_model",
    "export_from",
    "export_model",
    "extractor_of",
    "far_pairs",
    "fit_manifold",
    "forecast",
    "forecast_images",
    "forecast_rows",
    "geodesic_codes",
    "judge_atlas",
    "judge_images",
    "judging_count",
    "learn",
    "load_extractor",
    "load_model",
    "loop_codes",
    "map_grid",
    "map_images",
    "map_matrix",
    "map_rows",
    "mapper_of",
    "methods_of",
    "morph",
    "named_now",
    "pick_device",
    "place_images",
    "place_rows",
    "random_walk",
    "real_set",
    "reconstruct",
    "refuse_too_large",
    "save_model",
    "score_paths",
    "survey",
    "survey_manifold",
    "train",
    "train_atlas",
    "train_model",
    "trained_on",
    "walk_codes",
    "with_bank",
    "without_excluded",
]
