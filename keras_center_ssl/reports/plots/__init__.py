"""Pictures of a training and of embeddings. Needs matplotlib.

Every function returns a matplotlib `Figure`, and writes it as PNG where a `path` is given.
"""

from keras_center_ssl.reports.plots.curves import compared_curves, training_curves
from keras_center_ssl.reports.plots.histograms import cosines, uniform_cosine_shares
from keras_center_ssl.reports.plots.pictures import embedding_pictures
from keras_center_ssl.reports.plots.projections import principal_components, projection
from keras_center_ssl.reports.plots.spectra import spectrum

__all__ = [
    "compared_curves",
    "cosines",
    "embedding_pictures",
    "principal_components",
    "projection",
    "spectrum",
    "training_curves",
    "uniform_cosine_shares",
]
