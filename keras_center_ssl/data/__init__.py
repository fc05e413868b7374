"""Data: images from arrays, files, folders, `tf.data` or by name, as batches of random views or of
plain images.

```python
import keras_center_ssl as kcs

dataset = kcs.data.multi_view("fashion_mnist", views=kcs.views.simclr(28), batch_size=256)
model.fit(dataset, epochs=100)

folder = kcs.data.open_source("data/imagenet100", image_size=256)
dataset = kcs.data.multi_view(folder, views=kcs.views.simclr(224), batch_size=256)
dataset.skipped                                            # files that were not read, and why

test = kcs.data.load("fashion_mnist", split="test")        # .images .labels .name .fingerprint
features = encoder.predict(kcs.data.batches(test, 512))
```

`multi_view` is for training, `batches` and `load` are for evaluation; all take the same sources,
which `multi_view` lists. `dataset.position` of a `multi_view` is a `Position`: set it to resume a
run.
"""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.data.array_source import ArraySource
from keras_center_ssl.data.folder_source import FolderSource
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.data.loading import batches, load, open_source
from keras_center_ssl.data.mapped_source import MappedSource
from keras_center_ssl.data.multi_view_dataset import multi_view
from keras_center_ssl.data.position import Position
from keras_center_ssl.data.stream_source import StreamSource

__all__ = [
    "ArraySource",
    "FolderSource",
    "MappedSource",
    "Position",
    "StreamSource",
    "batches",
    "input_errors",
    "load",
    "multi_view",
    "open_source",
]
