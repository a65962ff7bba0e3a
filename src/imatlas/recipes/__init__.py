"""Whole journeys, each a short function that returns values: learn a manifold, train, judge, walk."""

from imatlas.recipes.adding import Addition, add_images, add_rows, place_images
from imatlas.recipes.exporting import Exported, Origin, export_from, export_model, load_extractor
from imatlas.recipes.forecasting import Forecast, StepForecast, forecast, forecast_images, forecast_rows, refuse_too_large
from imatlas.recipes.journeys import Wishes, extractor_of, judge_atlas, map_images, mapper_of, pick_device, train_atlas
from imatlas.recipes.judging import Judgement, evaluate, evaluate_model, judging_count, match_sizes, pixel_pairs
from imatlas.recipes.learning import FEWEST_TO_MAP, Learned, choose_extractor, fit_manifold, learn
from imatlas.recipes.matrix_journeys import map_matrix, methods_of
from imatlas.recipes.modeling import FEWEST_TO_TRAIN, Model, build_model, load_model, save_model, train, train_model, with_bank
from imatlas.recipes.paths import Path, far_pairs, morph, walk
from imatlas.recipes.rows import MapWishes, RowsMap, map_rows, place_rows
from imatlas.recipes.surveying import OUTLYING, Survey, survey, survey_manifold

__all__ = [
    "FEWEST_TO_MAP",
    "FEWEST_TO_TRAIN",
    "OUTLYING",
    "Addition",
    "Exported",
    "Forecast",
    "Judgement",
    "Learned",
    "MapWishes",
    "Model",
    "Origin",
    "Path",
    "RowsMap",
    "StepForecast",
    "Survey",
    "Wishes",
    "add_images",
    "add_rows",
    "build_model",
    "choose_extractor",
    "evaluate",
    "evaluate_model",
    "export_from",
    "export_model",
    "extractor_of",
    "far_pairs",
    "fit_manifold",
    "forecast",
    "forecast_images",
    "forecast_rows",
    "judge_atlas",
    "judging_count",
    "learn",
    "load_extractor",
    "load_model",
    "map_images",
    "map_matrix",
    "map_rows",
    "mapper_of",
    "match_sizes",
    "methods_of",
    "morph",
    "pick_device",
    "pixel_pairs",
    "place_images",
    "place_rows",
    "refuse_too_large",
    "save_model",
    "survey",
    "survey_manifold",
    "train",
    "train_atlas",
    "train_model",
    "walk",
    "with_bank",
]
