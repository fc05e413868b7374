"""Self-supervised learning in Keras, in which collapse is a measured quantity.

```python
import keras_center_ssl as kcs

model = kcs.methods.SimCLR(encoder=kcs.encoders.resnet_small(input_shape=(28, 28, 1)))
model.compile(optimizer="adam")
model.fit(kcs.data.multi_view("fashion_mnist", views=kcs.views.simclr(28), batch_size=256))
```

The import is lazy: neither Keras nor TensorFlow is loaded before a name that needs them is used, so
that `kcs.diagnose` and `kcs.geometry` start at once and work on embeddings of any framework. Where
the two are not installed, such a name raises `kcs.MissingExtra` with the command that brings them.
"""

import importlib
import importlib.abc
import importlib.util
import sys
from typing import TYPE_CHECKING

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import needs

if TYPE_CHECKING:
    from keras_center_ssl import (
        callbacks,
        data,
        diagnosis,
        encoders,
        evaluation,
        export,
        figures,
        geometry,
        heads,
        losses,
        methods,
        optimizers,
        reports,
        runs,
        views,
        zoo,
    )
    from keras_center_ssl.diagnosis import CollapseReport, diagnose
    from keras_center_ssl.diagnosis.critical_weight import (
        CriticalCenterWeight,
        critical_center_weight,
    )
    from keras_center_ssl.engine import strategies
    from keras_center_ssl.errors import (
        CheckpointWarning,
        CollapseError,
        CollapseWarning,
        DivergenceError,
        InputError,
        MissingExtra,
        TrainingStopped,
    )
    from keras_center_ssl.methods.center_tracker import CenterTracker
    from keras_center_ssl.onnx_encoder import OnnxEncoder

_MODULES = {
    "callbacks": "callbacks",
    "data": "data",
    "diagnosis": "diagnosis",
    "encoders": "encoders",
    "evaluation": "evaluation",
    "export": "export",
    "figures": "figures",
    "geometry": "geometry",
    "heads": "heads",
    "losses": "losses",
    "methods": "methods",
    "optimizers": "optimizers",
    "reports": "reports",
    "runs": "runs",
    "strategies": "engine.strategies",
    "views": "views",
    "zoo": "zoo",
}
_OBJECTS = {
    "CenterTracker": "methods.center_tracker",
    "CheckpointWarning": "errors",
    "CollapseError": "errors",
    "CollapseReport": "diagnosis",
    "CollapseWarning": "errors",
    "CriticalCenterWeight": "diagnosis",
    "DivergenceError": "errors",
    "InputError": "errors",
    "MissingExtra": "errors",
    "OnnxEncoder": "onnx_encoder",
    "TrainingStopped": "errors",
    "critical_center_weight": "diagnosis",
    "diagnose": "diagnosis",
}

__all__ = [
    "CenterTracker",
    "CheckpointWarning",
    "CollapseError",
    "CollapseReport",
    "CollapseWarning",
    "CriticalCenterWeight",
    "DivergenceError",
    "InputError",
    "MissingExtra",
    "OnnxEncoder",
    "TrainingStopped",
    "__version__",
    "callbacks",
    "critical_center_weight",
    "data",
    "diagnose",
    "diagnosis",
    "encoders",
    "evaluation",
    "export",
    "figures",
    "geometry",
    "heads",
    "losses",
    "methods",
    "optimizers",
    "reports",
    "runs",
    "strategies",
    "views",
    "zoo",
]


def __getattr__(name):
    module = _MODULES.get(name) or _OBJECTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs(f"kcs.{name}", "keras", "tensorflow"):
        loaded = importlib.import_module(f"{__name__}.{module}")
    if name in _MODULES:
        return loaded
    globals()[name] = getattr(loaded, name)
    return globals()[name]


def __dir__():
    return __all__


def _register():
    """Makes `keras.saving.load_model` know this package's classes.

    Keras finds classes of its own and of registered packages only.
    """
    keras = sys.modules["keras"]
    # On other backends of Keras there are no methods to register.
    if keras.backend.backend() in ("tensorflow", "jax"):
        for name in ("methods", "views", "optimizers"):
            importlib.import_module(f"{__name__}.{name}")


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Registers the classes when Keras is imported after this package, too.

    Where a room of this package imports it, not before that room is whole: the classes are built on
    it. So every import of a module of ours is seen, until Keras is there.
    """

    def __init__(self):
        self.unfinished = 0
        self.keras_is_there = False

    def find_spec(self, fullname, path=None, target=None):
        ours = fullname.startswith(f"{__name__}.")
        if not ours and fullname != "keras":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                self.unfinished += ours
                try:
                    run(module)
                finally:
                    self.unfinished -= ours
                self.keras_is_there |= not ours
                self.register_if_whole()

            spec.loader.exec_module = exec_module
        return spec

    def register_if_whole(self):
        if self.keras_is_there and not self.unfinished and self in sys.meta_path:
            sys.meta_path.remove(self)
            _register()


if sys.modules.get("keras") is not None:
    _register()
else:
    sys.meta_path.insert(0, _AfterKeras())
