"""The published view recipes, each a function of the size that returns a `MultiView`.

Defaults are the published strengths for colour photographs. Every strength is a keyword, because
small grey images want gentler ones: a crop of 8 % of a 28-pixel digit holds no digit.

Sizes of 64 pixels and more get the ImageNet variant of a recipe where the literature has two.
"""

from keras_center_ssl.errors import InputError
from keras_center_ssl.views.checks import check_probability, check_size
from keras_center_ssl.views.composition import MultiView, View
from keras_center_ssl.views.layers import (
    RandomColorJitter,
    RandomGaussianBlur,
    RandomResizedCrop,
    RandomSolarize,
)

_SMALL = 64  # pixels: below it the literature uses its CIFAR settings


def _view(
    size,
    *,
    area,
    aspect,
    flip,
    interpolation,
    brightness,
    contrast,
    saturation,
    hue,
    jitter_probability,
    grey,
    blur,
    sigma,
    solarize,
):
    """Crop, colour, blur, solarise. Steps that are off are left out: they would cost a pass."""
    layers = [RandomResizedCrop(size, area, aspect, flip, interpolation)]
    jitter = RandomColorJitter(brightness, contrast, saturation, hue, jitter_probability, grey)
    if (jitter_probability and (brightness or contrast or saturation or hue)) or grey:
        layers.append(jitter)
    if check_probability("blur", blur):
        layers.append(RandomGaussianBlur(sigma, blur))
    if check_probability("solarize", solarize):
        layers.append(RandomSolarize(solarize))
    return View(layers)


def _symmetric(size, number_of_views, seed, **strengths):
    whole = isinstance(number_of_views, int) and not isinstance(number_of_views, bool)
    if not whole or number_of_views < 2:
        raise InputError(
            "`number_of_views` is how many views are made of each image, a whole number of at "
            f"least 2. Received: {number_of_views!r}."
        )
    # Each view has its own layers: a layer keeps a name and a generator, and can be looked at.
    return MultiView([_view(size, **strengths) for _ in range(number_of_views)], seed=seed)


def _asymmetric(size, blur, solarize, seed, local=(), **strengths):
    blur, solarize = _pair("blur", blur), _pair("solarize", solarize)
    views = [
        _view(size, blur=b, solarize=s, **strengths) for b, s in zip(blur, solarize, strict=True)
    ]
    return MultiView([*views, *local], seed=seed)


def _pair(name, value):
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InputError(
            f"`{name}` is a pair of probabilities, one for each of the two global views. "
            f"Received: {value!r}."
        )
    return tuple(check_probability(name, probability) for probability in value)


def _multi_crop(size, local_size, local_views):
    """The number of local crops and their size, filled in where they are None."""
    check_size("size", size)
    if local_views is None:
        local_views = 6 if local_size is not None or size >= _SMALL else 0
    if not isinstance(local_views, int) or isinstance(local_views, bool) or local_views < 0:
        raise InputError(
            "`local_views` is the number of small crops, a whole number of at least 0, or None for "
            f"the published one. Received: {local_views!r}."
        )
    if local_size is None:
        local_size = max(8, round(size * 96 / 224))  # the published ratio
    return local_views, check_size("local_size", local_size)


def simclr(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.8,
    contrast: float = 0.8,
    saturation: float = 0.8,
    hue: float = 0.2,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: float = 0.0,
    number_of_views: int = 2,
    seed: int | None = None,
) -> MultiView:
    """SimCLR's views: strong colour jitter (Chen et al. 2020, arXiv 2002.05709, appendix A).

    Args:
        size: side of the square views in pixels, 8 to 1024.
        area: smallest and largest share of the image's area in a crop, in `(0, 1]`.
        aspect: smallest and largest width / height of a crop.
        flip: probability of a horizontal flip.
        interpolation: `"bicubic"` or `"bilinear"`.
        brightness, contrast, saturation, hue: half-widths of `RandomColorJitter`.
        jitter_probability: share of images whose colours are changed.
        grey: share of images turned grey.
        blur: share of blurred images.
        sigma: smallest and largest standard deviation of the blur, in pixels.
        solarize: share of solarised images.
        number_of_views: views per image, at least 2.
        seed: where the layer's own random generator starts; `tf.data` pipelines pass seeds instead.

    Returns:
        A `MultiView`: images `(B, H, W, C)` in `[0, 1]` to a tuple of `(B, size, size, C)`.
    """
    return _symmetric(
        size,
        number_of_views,
        seed,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=blur,
        sigma=sigma,
        solarize=solarize,
    )


def simsiam(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: float = 0.0,
    number_of_views: int = 2,
    seed: int | None = None,
) -> MultiView:
    """SimSiam's views: weak colour jitter (Chen & He 2021, arXiv 2011.10566, section 3).

    The arguments are those of `simclr`.
    """
    return _symmetric(
        size,
        number_of_views,
        seed,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=blur,
        sigma=sigma,
        solarize=solarize,
    )


def moco(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: float = 0.0,
    number_of_views: int = 2,
    seed: int | None = None,
) -> MultiView:
    """MoCo v2's views, the same as SimSiam's (Chen et al. 2020, arXiv 2003.04297, section 3).

    The arguments are those of `simclr`.
    """
    return _symmetric(
        size,
        number_of_views,
        seed,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=blur,
        sigma=sigma,
        solarize=solarize,
    )


def vicreg(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.2,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: float | None = None,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: float = 0.1,
    number_of_views: int = 2,
    seed: int | None = None,
) -> MultiView:
    """VICReg's views: BYOL's, made symmetric (Bardes et al. 2022, arXiv 2105.04906, appendix C).

    The arguments are those of `simclr`. `blur=None` is 0.5, and 0 for sizes below 64 pixels.
    """
    check_size("size", size)
    return _symmetric(
        size,
        number_of_views,
        seed,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=(0.5 if size >= _SMALL else 0.0) if blur is None else blur,
        sigma=sigma,
        solarize=solarize,
    )


def byol(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.2,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: tuple[float, float] | None = None,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: tuple[float, float] = (0.0, 0.2),
    seed: int | None = None,
) -> MultiView:
    """BYOL's two unlike views (Grill et al. 2020, arXiv 2006.07733, appendix B, table 6).

    The arguments are those of `simclr`, except that `blur` and `solarize` are pairs, one
    probability for each view. `blur=None` is (1.0, 0.1), and (0, 0) for sizes below 64 pixels.
    """
    check_size("size", size)
    return _asymmetric(
        size,
        ((1.0, 0.1) if size >= _SMALL else (0.0, 0.0)) if blur is None else blur,
        solarize,
        seed,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        sigma=sigma,
    )


def barlow_twins(
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.2,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: tuple[float, float] | None = None,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: tuple[float, float] = (0.0, 0.2),
    seed: int | None = None,
) -> MultiView:
    """Barlow Twins' views, the same as BYOL's (Zbontar et al. 2021, arXiv 2103.03230, section 3).

    The arguments are those of `byol`.
    """
    return byol(
        size,
        area=area,
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=blur,
        sigma=sigma,
        solarize=solarize,
        seed=seed,
    )


def dino(
    size: int,
    local_size: int | None = None,
    *,
    global_area: tuple[float, float] | None = None,
    local_area: tuple[float, float] = (0.05, 0.4),
    local_views: int | None = None,
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.2,
    hue: float = 0.1,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: tuple[float, float] | None = None,
    local_blur: float | None = None,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: tuple[float, float] = (0.0, 0.2),
    seed: int | None = None,
) -> MultiView:
    """DINO's views: two global crops as in BYOL, then small local ones (Caron et al. 2021,
    arXiv 2104.14294, section 3 and appendix).

    Args:
        size: side of the two global views in pixels, 8 to 1024.
        local_size: side of the local views; None is 96/224 of `size`.
        global_area: share of the image in a global crop; None is (0.4, 1), and (0.08, 1) where
            there are no local crops.
        local_area: share of the image in a local crop.
        local_views: number of local crops; None is 6, and 0 for sizes below 64 pixels unless
            `local_size` is given.
        blur, solarize: pairs as in `byol`.
        local_blur: share of blurred local views; None is 0.5, and 0 for sizes below 64 pixels.

    The other arguments are those of `simclr`.

    Returns:
        A `MultiView` whose first two outputs are the global views `(B, size, size, C)`, the others
        the local ones `(B, local_size, local_size, C)`.
    """
    local_views, local_size = _multi_crop(size, local_size, local_views)
    large = size >= _SMALL
    if global_area is None:
        global_area = (0.4, 1.0) if local_views else (0.08, 1.0)
    if local_blur is None:
        local_blur = 0.5 if large else 0.0
    strengths = dict(
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        sigma=sigma,
    )
    local = [
        _view(local_size, area=local_area, blur=local_blur, solarize=0.0, **strengths)
        for _ in range(local_views)
    ]
    return _asymmetric(
        size,
        ((1.0, 0.1) if large else (0.0, 0.0)) if blur is None else blur,
        solarize,
        seed,
        local,
        area=global_area,
        **strengths,
    )


def swav(
    size: int,
    local_size: int | None = None,
    *,
    global_area: tuple[float, float] | None = None,
    local_area: tuple[float, float] = (0.05, 0.14),
    local_views: int | None = None,
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    interpolation: str = "bicubic",
    brightness: float = 0.8,
    contrast: float = 0.8,
    saturation: float = 0.8,
    hue: float = 0.2,
    jitter_probability: float = 0.8,
    grey: float = 0.2,
    blur: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
    solarize: float = 0.0,
    seed: int | None = None,
) -> MultiView:
    """SwAV's views: SimCLR's, as two global and several local crops (Caron et al. 2020,
    arXiv 2006.09882, section 3.3 and appendix A).

    Args:
        size: side of the two global views in pixels, 8 to 1024.
        local_size: side of the local views; None is 96/224 of `size`.
        global_area: share of the image in a global crop; None is (0.14, 1), and (0.08, 1) where
            there are no local crops.
        local_area: share of the image in a local crop.
        local_views: number of local crops; None is 6, and 0 for sizes below 64 pixels unless
            `local_size` is given.

    The other arguments are those of `simclr`.

    Returns:
        A `MultiView`, global views first, as `dino`'s.
    """
    local_views, local_size = _multi_crop(size, local_size, local_views)
    if global_area is None:
        global_area = (0.14, 1.0) if local_views else (0.08, 1.0)
    strengths = dict(
        aspect=aspect,
        flip=flip,
        interpolation=interpolation,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        jitter_probability=jitter_probability,
        grey=grey,
        blur=blur,
        sigma=sigma,
        solarize=solarize,
    )
    views = [_view(size, area=global_area, **strengths) for _ in range(2)]
    views += [_view(local_size, area=local_area, **strengths) for _ in range(local_views)]
    return MultiView(views, seed=seed)
