"""From a recipe to a trained, evaluated and exported encoder, all in one folder."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.runs.comparing import compare
from keras_center_ssl.runs.evaluating import evaluate
from keras_center_ssl.runs.folder import Run, free_folder, is_finished, load_model, resumes_from
from keras_center_ssl.runs.publishing import export_run
from keras_center_ssl.runs.recipe import load_recipe, parse_recipe
from keras_center_ssl.runs.recipe_model import Recipe
from keras_center_ssl.runs.skipped import note_skipped
from keras_center_ssl.runs.training import train
from keras_center_ssl.runs.two_views import view_embeddings

__all__ = [
    "Recipe",
    "Run",
    "compare",
    "evaluate",
    "export_run",
    "free_folder",
    "is_finished",
    "load_model",
    "load_recipe",
    "note_skipped",
    "parse_recipe",
    "resumes_from",
    "train",
    "view_embeddings",
]
