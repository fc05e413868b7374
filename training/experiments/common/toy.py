"""Latents with known shares, and linear encoders for the simplified objective, in NumPy.

A latent feature `h` is `sqrt(share) b + sqrt(1 - share) w`: `b` is drawn once for a sample, `w` for
every view of it. So `rho_max`, and with it the critical centre weight, is known exactly.
"""

import numpy as np

SHARES = (0.9, 0.6, 0.3)
# Mean of the shifted augmentation, in units of that coordinate's noise.
SHIFT = 10.0


class Latents:
    """Samples and their views.

    Args:
        samples: How many samples there are.
        rng: NumPy generator.
        shift: Mean of the last coordinate, which is noise of the augmentation alone.
        bias: Whether a constant coordinate is appended: the encoder's bias.
    """

    def __init__(self, samples, rng, shift=0.0, bias=False):
        self.rng, self.shift, self.bias = rng, shift, bias
        self.share = np.sqrt(np.array(SHARES, "float32"))
        self.noise = np.sqrt(1 - np.array(SHARES, "float32"))
        self.between = rng.standard_normal((samples, len(SHARES)), "float32")
        # What the samples have in common is the encoder's to find, not theirs.
        self.between -= self.between.mean(axis=0)
        self.between /= self.between.std(axis=0)
        self.dim = len(SHARES) + 1 + bias

    def __len__(self):
        return len(self.between)

    def views(self, rows):
        """Two views of some samples, `(2, n, dim)`."""
        b = self.between[rows]
        x = np.ones((2, len(b), self.dim), "float32")
        w = self.rng.standard_normal((2, *b.shape), "float32")
        x[..., : len(SHARES)] = self.share * b + self.noise * w
        # A tenth of the features' size: whichever way it is shifted, it is the same noise.
        noise = self.rng.standard_normal((2, len(b)), "float32")
        x[..., len(SHARES)] = 0.1 * (self.shift + noise)
        return x


def gradient(weights, x1, x2, center_weight):
    """Gradient of `kcs.losses.center` (without decorrelation) for linear encoders.

    Args:
        weights: `(M, dim, d)`, one encoder for each centre weight.
        x1: Latents of the first view, `(N, dim)`.
        x2: Of the second.
        center_weight: `(M,)`.

    Returns:
        `(M, dim, d)`.
    """
    units, lengths = [], []
    for x in (x1, x2):
        z = x @ weights
        length = np.sqrt(np.einsum("mnd,mnd->mn", z, z))[..., None] + 1e-12
        units.append(z / length)
        lengths.append(length)
    center = center_weight[:, None, None] * (units[0] + units[1]).mean(axis=1, keepdims=True) / 2
    total = 0.0
    for x, u, length, other in zip((x1, x2), units, lengths, units[::-1], strict=True):
        g = center - other
        g -= np.einsum("mnd,mnd->mn", g, u)[..., None] * u
        total = total + x.T @ (g / length)
    return total / len(x1)


def train(latents, center_weights, batch, seed, steps=4000, rate=0.3, dim=4, watch=None):
    """Linear encoders, one for each centre weight, from the same start on the same batches.

    The loss does not depend on the length of an encoder's weights, which is held at 1.

    Args:
        latents: `Latents`, or anything else with `dim`, a length and `views`.
        center_weights: The centre weights, `(M,)`.
        batch: Samples in a batch; all of them where it is their number or more.
        seed: Of the start and the order of samples.
        steps: Number of steps; the rate falls to a tenth over the last quarter.
        rate: Learning rate.
        dim: Dimension of the embeddings.
        watch: Called as `watch(step, weights)` before every step.

    Returns:
        Weights `(M, latents.dim, dim)`.
    """
    rng = np.random.default_rng(seed)
    center_weights = np.asarray(center_weights, "float32")
    samples = len(latents)
    weights = np.repeat(
        rng.standard_normal((1, latents.dim, dim), "float32"), len(center_weights), axis=0
    )
    for step in range(steps):
        weights /= np.sqrt((weights**2).sum(axis=(1, 2), keepdims=True))
        if watch is not None:
            watch(step, weights)
        rows = np.arange(samples) if batch >= samples else rng.integers(0, samples, batch)
        x1, x2 = latents.views(rows)
        left = (steps - step) / (steps / 4)
        weights -= rate * max(min(1.0, left), 0.1) * gradient(weights, x1, x2, center_weights)
    return weights


def effective_weight(center_weight, batch):
    """`lambda_eff`: what the pooled centre of a batch amounts to against the true centre."""
    return center_weight * (1 - 1 / batch) / (1 - center_weight / (2 * batch))


def nominal_weight(effective, batch):
    """The centre weight whose `effective_weight` is given."""
    return effective / (1 - 1 / batch + effective / (2 * batch))
