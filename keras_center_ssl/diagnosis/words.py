"""Numbers in words."""


def percent(share):
    """`0.9712` -> `97 %`, with more digits where they matter: `99.71 %`, but `100 %`."""
    number = 100 * share
    digits = 0 if 1 <= number <= 99 or number in (0, 100) else 2
    return f"{number:.{digits}f} %"
