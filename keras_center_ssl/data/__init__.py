"""Data: images from arrays, `tf.data` or by name, as batches of random views or of plain images.

```python
import keras_center_ssl as kcs

dataset = kcs.data.multi_view("fashion_mnist", views=kcs.views.simclr(28), batch_size=256)
model.fit(dataset, epochs=100)

test = kcs.data.load("fashion_mnist", split="test")        # .images .labels .name .fingerprint
features = encoder.predict(kcs.data.batches(test, 512))
```

`multi_view` is for training, `batches` and `load` are for evaluation; all three take the same
sources. `dataset.position` of a `multi_view` is a `Position`: set it to resume a run.
"""

from keras_center_ssl.data.pipeline import Position, batches, multi_view
from keras_center_ssl.data.sources import ArraySource, StreamSource, load

__all__ = ["ArraySource", "Position", "StreamSource", "batches", "load", "multi_view"]
