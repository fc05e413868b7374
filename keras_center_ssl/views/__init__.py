"""Views: random versions of each image, made by batched, seeded Keras layers.

```python
import keras_center_ssl as kcs

views = kcs.views.simclr(32)               # a Keras layer
first, second = views(images)              # images (B, H, W, C) in [0, 1]
first, second = views(images, seed=(7, 0)) # repeatable
```

- Recipes, size -> `MultiView`: `simclr`, `simsiam`, `byol`, `barlow_twins`, `vicreg`, `moco`, and
  with local crops `dino`, `swav`. Every strength is a keyword. `RECIPES` has them by name.
- Layers, images -> images: `RandomResizedCrop` (with flip), `RandomColorJitter` (with grey),
  `RandomGaussianBlur`, `RandomSolarize`. `RandomViewLayer` is the base for a layer of your own.
- Composition: `View([layer, ...])` is one view, `MultiView([view, ...])` a tuple of them. Keras'
  and KerasCV's layers and plain callables may stand among the layers.
"""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.views.blur import RandomGaussianBlur
from keras_center_ssl.views.color_jitter import RandomColorJitter
from keras_center_ssl.views.composition import MultiView, View
from keras_center_ssl.views.recipes import (
    RECIPES,
    barlow_twins,
    byol,
    dino,
    moco,
    simclr,
    simsiam,
    swav,
    vicreg,
)
from keras_center_ssl.views.resized_crop import RandomResizedCrop
from keras_center_ssl.views.solarize import RandomSolarize
from keras_center_ssl.views.view_layer import RandomViewLayer

__all__ = [
    "RECIPES",
    "MultiView",
    "RandomColorJitter",
    "RandomGaussianBlur",
    "RandomResizedCrop",
    "RandomSolarize",
    "RandomViewLayer",
    "View",
    "barlow_twins",
    "byol",
    "dino",
    "moco",
    "simclr",
    "simsiam",
    "swav",
    "vicreg",
]
