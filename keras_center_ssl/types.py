"""Names for what public functions take and give, for readers and type checkers."""

import os
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# Whatever NumPy makes an array of, other libraries' arrays among it.
Array: TypeAlias = npt.ArrayLike
Floats: TypeAlias = npt.NDArray[np.floating]
# A tensor of Keras' backend, or whatever `keras.ops` makes one of.
Tensor: TypeAlias = Any
FilePath: TypeAlias = str | os.PathLike[str]
