"""The sums of a `CenterTracker` at one step, and their difference to those of an earlier one."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Sums of a `CenterTracker` at some step, as NumPy arrays."""

    sums: dict
    resets: int
    # Of a difference of two sums of outer products: the trace of the larger.
    carried: float = 0.0

    def since(self, earlier):
        """What came after an earlier snapshot; all of this one if there was a reset between."""
        if earlier is None or earlier.resets != self.resets:
            return self
        return Snapshot(
            {k: v.astype("float64") - earlier.sums[k] for k, v in self.sums.items()},
            self.resets,
            float(np.trace(self.sums["outer_sum"])) if "outer_sum" in self.sums else 0.0,
        )

    @property
    def count(self):
        """Samples in the sums."""
        return float(self.sums["count"])

    @property
    def mean_batch(self):
        """Samples in a step, 1 or more; large batches count for more."""
        return float(self.sums["step_pairs"]) / max(4 * self.count, 1.0) + 1.0

    @property
    def covariance_count(self):
        """Samples in the covariance, 0 where it is not tracked."""
        return float(self.sums.get("outer_count", 0.0))

    @property
    def zero_share(self):
        """Share of embeddings that are zero vectors, in [0, 1]: the figures do not see them."""
        # Every other embedding has unit length.
        squares = self.sums["square_sum"].sum(dtype="float64")
        return float(max(0.0, 1.0 - squares / max(2 * self.count, 1.0)))
