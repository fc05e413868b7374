"""The published view recipes, each a function of the size that returns a `MultiView`.

Defaults are the published strengths for colour photographs. Every strength is a keyword, because
small grey images want gentler ones: a crop of 8 % of a 28-pixel digit holds no digit. The keywords
that all recipes share are described at `simclr` and typed in `strengths.py`.

Sizes of 64 pixels and more get the ImageNet variant of a recipe where the literature has two.
"""

from typing import TYPE_CHECKING

from keras_center_ssl.views.assembly import SMALL, alike, crops, local_crops, pair, view
from keras_center_ssl.views.checks import check_size
from keras_center_ssl.views.composition import MultiView
from keras_center_ssl.views.strengths import (
    Alike,
    AlikeBySize,
    LocalCrops,
    Pair,
    PairAndLocalCrops,
    recipe,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

_STRONG_COLORS = {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
_WEAK_COLORS = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}


@recipe(Alike, **_STRONG_COLORS, blur=0.5, solarize=0.0)
def simclr(size: int, **strengths: "Unpack[Alike]") -> MultiView:
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
    return alike(size, **strengths)


@recipe(Alike, **_WEAK_COLORS, blur=0.5, solarize=0.0)
def simsiam(size: int, **strengths: "Unpack[Alike]") -> MultiView:
    """SimSiam's views: weak colour jitter (Chen & He 2021, arXiv 2011.10566, section 3).

    The arguments are those of `simclr`.
    """
    return alike(size, **strengths)


@recipe(Alike, **_WEAK_COLORS, blur=0.5, solarize=0.0)
def moco(size: int, **strengths: "Unpack[Alike]") -> MultiView:
    """MoCo v2's views, the same as SimSiam's (Chen et al. 2020, arXiv 2003.04297, section 3).

    The arguments are those of `simclr`.
    """
    return alike(size, **strengths)


@recipe(AlikeBySize, solarize=0.1)
def vicreg(size: int, **strengths: "Unpack[AlikeBySize]") -> MultiView:
    """VICReg's views: BYOL's, made symmetric (Bardes et al. 2022, arXiv 2105.04906, appendix C).

    The arguments are those of `simclr`. `blur=None` is 0.5, and 0 for sizes below 64 pixels.
    """
    if strengths["blur"] is None:
        strengths["blur"] = 0.5 if check_size("size", size) >= SMALL else 0.0
    return alike(size, **strengths)


@recipe(Pair, solarize=(0.0, 0.2))
def byol(size: int, **strengths: "Unpack[Pair]") -> MultiView:
    """BYOL's two unlike views (Grill et al. 2020, arXiv 2006.07733, appendix B, table 6).

    The arguments are those of `simclr`, except that `blur` and `solarize` are pairs, one
    probability for each view. `blur=None` is (1.0, 0.1), and (0, 0) for sizes below 64 pixels.
    """
    seed = strengths.pop("seed")
    return MultiView(pair(size, **strengths), seed=seed)


@recipe(Pair, solarize=(0.0, 0.2))
def barlow_twins(size: int, **strengths: "Unpack[Pair]") -> MultiView:
    """Barlow Twins' views, the same as BYOL's (Zbontar et al. 2021, arXiv 2103.03230, section 3).

    The arguments are those of `byol`.
    """
    return byol(size, **strengths)


@recipe(PairAndLocalCrops, local_area=(0.05, 0.4), solarize=(0.0, 0.2))
def dino(
    size: int, local_size: int | None = None, **strengths: "Unpack[PairAndLocalCrops]"
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
    seed = strengths.pop("seed")
    local, global_area = crops(size, local_size, strengths, global_area=(0.4, 1.0))
    local_blur = strengths.pop("local_blur")
    if local_blur is None:
        local_blur = 0.5 if size >= SMALL else 0.0
    global_views = pair(size, area=global_area, **strengths)
    strengths.update(blur=local_blur, solarize=0.0)
    return MultiView([*global_views, *local_crops(local, strengths)], seed=seed)


@recipe(LocalCrops, **_STRONG_COLORS, local_area=(0.05, 0.14), blur=0.5, solarize=0.0)
def swav(size: int, local_size: int | None = None, **strengths: "Unpack[LocalCrops]") -> MultiView:
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
    seed = strengths.pop("seed")
    local, global_area = crops(size, local_size, strengths, global_area=(0.14, 1.0))
    global_views = [view(size, area=global_area, **strengths) for _ in range(2)]
    return MultiView([*global_views, *local_crops(local, strengths)], seed=seed)


# By name, for YAML recipes.
RECIPES = {
    "barlow_twins": barlow_twins,
    "byol": byol,
    "dino": dino,
    "moco": moco,
    "simclr": simclr,
    "simsiam": simsiam,
    "swav": swav,
    "vicreg": vicreg,
}
