"""results.png: every ratio against another contestant, on one logarithmic axis."""

from ratios import SECTIONS, cases, value


def draw(results, path):
    """A dot per case and ratio; the line at 1 is a draw."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = []
    for name, section in SECTIONS.items():
        for ratio in section.ratios:
            # What more is not better of has no place on this axis.
            if ratio.form != "times" or ratio.fast != "ours":
                continue
            found = [value(ratio, row) for row in cases(results["results"], name).values()]
            if any(found):
                rows.append((ratio, [v for v in found if v]))
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * max(len(rows), 1)))
    for place, (ratio, found) in enumerate(rows):
        axes.scatter(found, [place] * len(found), s=28, alpha=0.65, color="#1f6feb", zorder=3)
        if ratio.at_least is not None:
            axes.plot([ratio.at_least] * 2, [place - 0.32, place + 0.32], color="#b35900", lw=2)
    axes.axvline(1.0, color="0.4", lw=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}x"))
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.set_yticks(range(len(rows)), [ratio.label for ratio, _ in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color="0.9")
    axes.set_xlabel("times as fast as the other; one dot per case, the bar is the goal")
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)
