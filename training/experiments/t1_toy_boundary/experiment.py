"""The phase diagram of collapse on linear latents."""

import numpy as np
from common import Verdict, chosen, mean, table, toy
from common.circle import animate

import keras_center_ssl as kcs
from keras_center_ssl.reports.plots import style

SAMPLES = 256
CRITICAL = 1 - max(toy.SHARES)
COLLAPSED = 0.99
# What the prediction left out: the shifted coordinate has noise of its own. Near the collapse an
# embedding is what is orthogonal to the shift over the shift's length, which differs between views.
SHIFTED_CRITICAL = 1 - max(toy.SHARES) * (1 - 1 / toy.SHIFT**2)
MODES = {
    "bias": dict(bias=True),
    "shifted": dict(shift=toy.SHIFT),
    "neither": dict(),
}
# Added after the first run, whose grid was too coarse where the smallest batch escapes.
FINER = "shifted, finer"
# Added likewise: a third of the learning rate, and three times the steps.
SLOWER = "bias, slower"
FINE = [0.0, 0.03, 0.06, 0.08, *np.arange(0.085, 0.1451, 0.005).round(4), 0.17, 0.2, 0.3, 0.5, 1.0]

AFTERWARDS = """Seen afterwards: a shift of 10 with noise of 1 makes the length that embeddings
are divided by differ between views, which takes 1 % off `rho_max`: 1 - .9 x .99 = .109 in the
place of .1 (last column). The largest distance of a measured boundary from that column is
{away:.4f}. Batches of 4 escape late for two more reasons: `||s||` is .99 a little above the
boundary, and the noise of single steps stabilises the collapse. At a third of the learning rate
their boundary with a bias is {low:.4f} to {high:.4f}. These settings, and the grid points for
batches of 4 with a shift, were added for this."""


def settings(quick):
    batches = (4, 64) if quick else (4, 16, 64, SAMPLES)
    seeds = (1,) if quick else (1, 2, 3)
    cases = [(mode, batch, seed) for seed in seeds for mode in MODES for batch in batches]
    cases += [] if quick else [(mode, 4, seed) for seed in seeds for mode in (FINER, SLOWER)]
    return [dict(zip(("mode", "batch", "seed"), case, strict=True)) for case in cases]


def measure(setting):
    mode, seed = setting["mode"], setting["seed"]
    latents = toy.Latents(SAMPLES, np.random.default_rng(seed), **MODES[mode.split(",")[0]])
    weights = FINE if mode != "neither" else [0.0, 0.05, 0.1, 0.2, 1.0]
    weights = weights if mode != FINER else [0.145, 0.15, 0.155, 0.16, 0.165, 0.17]
    weights = weights if mode != SLOWER else [0.125, 0.13, 0.1325, 0.135, 0.1375, 0.14, 0.145]
    pace = {"rate": 0.1, "steps": 12000} if mode == SLOWER else {}
    encoders = toy.train(latents, weights, setting["batch"], seed, **pace)
    # Every sample some times, in views that training has not seen.
    x1, x2 = latents.views(np.tile(np.arange(SAMPLES), 8))
    return [
        {
            "center_weight": weight,
            "center_norm": kcs.geometry.center_norm(x1 @ encoder, x2 @ encoder),
            "positive_cosine": kcs.geometry.positive_cosine(x1 @ encoder, x2 @ encoder),
            "participation_ratio": kcs.geometry.participation_ratio(x1 @ encoder),
        }
        for weight, encoder in zip(weights, encoders, strict=True)
    ]


def boundary(rows):
    """Between the largest centre weight that collapsed and the next; NaN without a collapse."""
    weights = sorted({float(row["center_weight"]) for row in rows})
    fell = {float(r["center_weight"]) for r in rows if float(r["center_norm"]) > COLLAPSED}
    if not fell or max(fell) == weights[-1]:  # or no rows, in the quick version
        return float("nan")
    return (max(fell) + weights[weights.index(max(fell)) + 1]) / 2


def judge(rows):
    seeds = sorted({row["seed"] for row in rows})
    batches = sorted({int(row["batch"]) for row in rows})
    lines, worst, away = [], {}, []
    for mode in ("bias", "shifted"):
        for batch in batches:
            expected = toy.nominal_weight(CRITICAL, batch)
            corrected = toy.nominal_weight(CRITICAL if mode == "bias" else SHIFTED_CRITICAL, batch)
            part = chosen(rows, mode=mode, batch=batch)
            if mode == "shifted":
                part += chosen(rows, mode=FINER, batch=batch)
            found = [boundary(chosen(part, seed=s)) for s in seeds]
            worst[mode] = max(worst.get(mode, 0.0), *(abs(value - expected) for value in found))
            away += [abs(value - corrected) for value in found]
            spread = f"{min(found):.4f} to {max(found):.4f}"
            lines.append([mode, batch, expected, float(np.mean(found)), spread, corrected])
    neither = [float(row["center_norm"]) for row in chosen(rows, mode="neither")]
    gaps = [
        np.ptp([at_effective(chosen(rows, mode="bias", batch=b), weight) for b in batches])
        for weight in (0.15, 0.25)
    ]
    titles = ("encoder", "batch", "predicted boundary", "measured", "over seeds")
    slower = [boundary(chosen(rows, mode=SLOWER, seed=s)) for s in seeds]
    table_of_boundaries = table((*titles, "with the shift's noise"), lines)
    seen = AFTERWARDS.format(away=max(away), low=min(slower), high=max(slower))
    verdict = Verdict(text=f"{table_of_boundaries}\n\n{seen}")
    for mode, said in (("bias", "with a bias"), ("shifted", "with a shifted augmentation")):
        verdict.add(
            f"{said} the boundary lies where `lambda_eff = 0.1`, within .01",
            worst[mode] <= 0.01,
            f"Largest distance over {len(batches)} batch sizes and {len(seeds)} seeds: "
            f"{worst[mode]:.4f} (the grid's spacing is .005).",
            decisive=True,
        )
    verdict.add(
        "with neither bias nor shift there is no collapse",
        max(neither) < COLLAPSED,
        f"Largest `||s||` at any lambda: {max(neither):.3f}.",
        decisive=True,
    )
    verdict.add(
        "above it `||s||` depends on the batch through `lambda_eff` alone (within .1)",
        max(gaps) < 0.1,
        f"At equal `lambda_eff` of .15 and .25 the batches differ by {gaps[0]:.3f} and "
        f"{gaps[1]:.3f} at most.",
    )
    return verdict


def at_effective(rows, effective):
    """`||s||` at an effective weight, between the neighbours on the grid."""
    grid = sorted({float(row["center_weight"]) for row in rows})
    points = [toy.effective_weight(w, int(rows[0]["batch"])) for w in grid]
    norms = [mean([r for r in rows if float(r["center_weight"]) == w], "center_norm") for w in grid]
    return float(np.interp(effective, points, norms))


def draw(rows, folder):
    batches = sorted({int(row["batch"]) for row in rows})
    figure, axes = style.new_figure(1, 3, (11, 3.6))
    for axis, mode in zip(axes, MODES, strict=True):
        part = chosen(rows, mode=mode)
        grid = sorted({float(row["center_weight"]) for row in part})
        image = [
            [
                mean(
                    [r for r in chosen(part, batch=b) if float(r["center_weight"]) == w],
                    "center_norm",
                )
                for w in grid
            ]
            for b in batches
        ]
        # The scale is the grid's, not lambda's: it is fine around the boundary.
        shown = axis.imshow(image, aspect="auto", origin="lower", vmin=0, vmax=1, cmap="viridis")
        axis.grid(False)
        axis.set_xticks(range(len(grid)), [f"{w:g}" for w in grid], rotation=90, fontsize=6.5)
        axis.set_yticks(range(len(batches)), batches)
        axis.set_xlabel("centre weight lambda")
        axis.set_title({"bias": "with a bias", "shifted": "shifted augmentation"}.get(mode, mode))
        if mode != "neither":
            line = [
                np.interp(toy.nominal_weight(CRITICAL, b), grid, range(len(grid))) for b in batches
            ]
            for row, x in enumerate(line):
                axis.plot([x, x], [row - 0.5, row + 0.5], color=style.WARNING, linewidth=2)
    axes[0].set_ylabel("batch size N")
    figure.colorbar(shown, ax=axes, label="||s||, red: predicted boundary")
    style.done(figure, folder / "phase_diagram.png")
    figure, axes = style.new_figure(1, 1, (5.5, 3.6))
    for k, batch in enumerate(batches):
        part = chosen(rows, mode="bias", batch=batch)
        grid = sorted({float(row["center_weight"]) for row in part})
        norms = [
            mean([r for r in part if float(r["center_weight"]) == w], "center_norm") for w in grid
        ]
        axes[0].plot(
            [toy.effective_weight(w, batch) for w in grid],
            norms,
            color=style.line_color(k),
            linestyle=style.dashes(k),
            label=f"N = {batch}",
        )
    axes[0].axvline(CRITICAL, color=style.GREY)
    axes[0].set(
        xlabel="lambda_eff", ylabel="||s||", xlim=(0, 0.5), title="One curve for all batches"
    )
    axes[0].legend(fontsize=8.5, frameon=False)
    style.done(figure, folder / "one_curve.png")
    animate(folder / "circle.gif", frames=24 if len(batches) > 2 else 4)


def check(rows):
    for mode in ("bias", "shifted"):
        at = {
            float(r["center_weight"]): float(r["center_norm"])
            for r in chosen(rows, mode=mode, batch=64)
        }
        assert at[0.08] > COLLAPSED > 0.97 > at[0.14], at
        small = {
            float(r["center_weight"]): float(r["center_norm"])
            for r in chosen(rows, mode=mode, batch=4)
        }
        assert small[0.115] > COLLAPSED > at[0.115], (small, at)
    assert all(float(r["center_norm"]) < 0.5 for r in chosen(rows, mode="neither"))
