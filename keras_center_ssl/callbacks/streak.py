"""When a verdict is certain: after enough checks that agree and do not get better."""

import math

from keras_center_ssl import diagnosis

# A verdict does not count while its figure would be healthy after this many checks at its pace.
PATIENT_CHECKS = 10


class Streak:
    """Checks without a healthy one between, and whether there are enough to be certain."""

    def __init__(self, patience):
        self.patience = patience
        self.reset()

    def reset(self):
        self.since, self._counted, self._best = None, 0, -math.inf

    def add(self, step, report):
        """Takes a check into account; returns whether a collapse is certain."""
        if report.healthy:
            self.reset()
            return False
        if self.since is None:
            self.since = step
        health = health_of(report)
        pace = health - self._best
        if not (math.isfinite(pace) and pace > 0 and (1.0 - health) / pace <= PATIENT_CHECKS):
            self._counted += 1
        self._best = max(self._best, health)
        return report.verdict == diagnosis.DIVERGED or self._counted >= self.patience


def health_of(report):
    """How near the figure behind a verdict is to its limit: 0 to 1, where 1 is healthy."""
    figures, limits = report.figures, report.thresholds
    if not figures:
        return 0.0
    if report.verdict == "complete_collapse":
        if "between_variance" in figures:
            health = figures["between_variance"] / limits["between_variance"]
        else:
            health = (1.0 - figures["center_norm_squared"]) / (1.0 - limits["center_norm_squared"])
        if "embedding_std" in figures:
            health = min(health, figures["embedding_std"] / limits["embedding_std"])
    elif report.verdict == "cluster_collapse":
        names = ("within_group_share", "distinct_share")
        health = min(figures[name] / limits[name] for name in names if name in figures)
    else:
        names = ("participation_ratio", "dimensions_99")
        health = min(figures[name] / limits[name] for name in names)
    return min(max(health, 0.0), 1.0)
