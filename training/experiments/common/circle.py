"""An animation of embeddings on the circle while linear encoders train."""

import numpy as np

from common import toy
from keras_center_ssl.reports.plots import style

CENTER_WEIGHT = 0.115


def animate(path, frames=30, samples=256, shown=40):
    """Four panels, full and mini-batches by centred and shifted augmentation, as a GIF.

    The centre weight is such that batches of 4 are below the boundary and the full batch is above.
    """
    panels = [
        (f"{'mini-batches of 4' if batch == 4 else 'full batch'}, {name}", batch, shift)
        for batch in (samples, 4)
        for name, shift in (("centred", 0.0), ("shifted", toy.SHIFT))
    ]
    # Early steps are seen one by one, late ones in leaps.
    steps = np.unique(np.geomspace(1, 1500, frames).astype(int))
    films = [film(batch, shift, samples, steps) for _, batch, shift in panels]
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, axes = style.new_figure(2, 2, (5.2, 5.8))
    figure.suptitle(f"centre weight {CENTER_WEIGHT}", fontsize=10)
    angle = np.linspace(0, 2 * np.pi, 100)
    drawn = []
    for axis, (title, _, _) in zip(axes, panels, strict=True):
        axis.plot(np.cos(angle), np.sin(angle), color=style.GREY, linewidth=0.7)
        axis.set(title=title, xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal")
        axis.title.set_fontsize(9)
        axis.set_axis_off()
        points = axis.scatter([], [], s=9, alpha=0.6, c=style.line_color(0))
        (center,) = axis.plot([], [], color=style.WARNING, linewidth=2.5)
        drawn.append((points, center, axis.text(0, -1.22, "", ha="center", fontsize=8)))

    def frame(k):
        for (points, center, words), states in zip(drawn, films, strict=True):
            embeddings = states[min(k, len(states) - 1)]
            middle = embeddings.mean(axis=0)
            points.set_offsets(embeddings[: 2 * shown])
            center.set_data([0, middle[0]], [0, middle[1]])
            words.set_text(
                f"step {steps[min(k, len(steps) - 1)]}, ||s|| {np.linalg.norm(middle):.2f}"
            )
        return []

    FuncAnimation(figure, frame, frames=len(steps) + 6).save(path, PillowWriter(fps=5), dpi=60)


def film(batch, shift, samples, steps):
    """Unit embeddings `(n, 2)` at some steps."""
    latents = toy.Latents(samples, np.random.default_rng(1), shift=shift)
    probe = np.concatenate(toy.Latents.views(latents, np.arange(samples)))
    states = []

    def watch(step, weights):
        if step + 1 in steps:
            z = probe @ weights[0]
            states.append(z / np.linalg.norm(z, axis=1, keepdims=True))

    toy.train(latents, [CENTER_WEIGHT], batch, seed=3, steps=int(steps[-1]) + 1, dim=2, watch=watch)
    return states
