"""From embeddings to a verdict: are they healthy, and if not, in which way did they collapse?

NumPy only: works on the embeddings of any framework, with neither Keras nor TensorFlow imported.

```python
report = kcs.diagnose(embeddings)          # or diagnose(view1, view2), diagnose_file("z.npy")
print(report)
report.verdict                             # "dimensional_collapse"
```

`rules` says where the thresholds come from.
"""

from keras_center_ssl.diagnosis.critical_weight import (
    CriticalCenterWeight,
    critical_center_weight,
)
from keras_center_ssl.diagnosis.groups import tight_groups
from keras_center_ssl.diagnosis.measure import diagnose, diagnose_file
from keras_center_ssl.diagnosis.report import DIVERGED, VERDICTS, CollapseReport
from keras_center_ssl.diagnosis.rules import (
    dimensions_99_of,
    judge,
    participation_ratio_null,
    participation_ratio_of_power_law,
    thresholds,
)
from keras_center_ssl.figures import LIMIT_SIGNS

__all__ = [
    "DIVERGED",
    "LIMIT_SIGNS",
    "VERDICTS",
    "CollapseReport",
    "CriticalCenterWeight",
    "critical_center_weight",
    "diagnose",
    "diagnose_file",
    "dimensions_99_of",
    "judge",
    "participation_ratio_null",
    "participation_ratio_of_power_law",
    "thresholds",
    "tight_groups",
]
