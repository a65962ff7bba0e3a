"""Whole journeys, each a short function that returns values: learn a manifold, train, judge, walk."""

from imatlas.recipes.journeys import Wishes, extractor_of, judge_atlas, map_images, mapper_of, pick_device, train_atlas
from imatlas.recipes.judging import Judgement, evaluate, evaluate_model, judging_count, match_sizes, pixel_pairs
from imatlas.recipes.learning import FEWEST_TO_MAP, Learned, choose_extractor, fit_manifold, learn
from imatlas.recipes.modeling import FEWEST_TO_TRAIN, Model, build_model, load_model, save_model, train, train_model
from imatlas.recipes.paths import Path, far_pairs, morph, walk

__all__ = [
    "FEWEST_TO_MAP",
    "FEWEST_TO_TRAIN",
    "Judgement",
    "Learned",
    "Model",
    "Path",
    "Wishes",
    "build_model",
    "choose_extractor",
    "evaluate",
    "evaluate_model",
    "extractor_of",
    "far_pairs",
    "fit_manifold",
    "judge_atlas",
    "judging_count",
    "learn",
    "load_model",
    "map_images",
    "mapper_of",
    "match_sizes",
    "morph",
    "pick_device",
    "pixel_pairs",
    "save_model",
    "train",
    "train_atlas",
    "train_model",
    "walk",
]
