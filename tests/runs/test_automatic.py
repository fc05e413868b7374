"""What is chosen for some data: no choice is unfit, for any method; nothing is trained."""

import dataclasses
import math

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.runs import automatic, encoder_sizes, method_sizes
from keras_center_ssl.runs.automatic import DataDescription, choose
from keras_center_ssl.runs.recipe import parse_recipe

DATA = {
    "digits": DataDescription("digits", 1437, 8, color=False, stored_channels=1),
    "fashion": DataDescription("fashion_mnist", 60_000, 28, color=False, stored_channels=1),
    "photographs": DataDescription(
        "photos", 300, 310, color=True, one_size=False, square=False, smallest=200, largest=4000
    ),
    "few": DataDescription("few", 64, 32, color=True),
    "fewest": DataDescription("fewest", 8, 40, color=True, one_size=False),
    "colour in grey": DataDescription("scans", 5000, 120, color=False, square=False),
    "many": DataDescription("data/imagenet", 1_281_167, 300, color=True, one_size=False),
    "cifar": DataDescription("cifar10", 50_000, 32, color=True),
    "tiny": DataDescription("icons", 500, 5, color=True),
}
SPEEDS = {"slow": 5e9, "two cores": automatic.SPEED, "accelerator": 2e13}


class _Unknown(kcs.methods.SSLModel):
    """A method that nobody has heard of: more views, a queue, a teacher, an annealing."""

    minimum_views = 4
    maximum_views = None

    def __init__(
        self,
        encoder,
        *,
        hidden_dim: int = 4096,
        output_dim: int = 512,
        queue_size: int = 8192,
        num_prototypes: int = 5000,
        momentum: float = 0.9995,
        warm_epochs: float = 50,
        temperature: float = 0.5,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)


METHODS = {**kcs.methods.METHODS, "_Unknown": _Unknown}


def resolved(method, plan):
    """All arguments of the method: what was chosen, and the defaults of its signature."""
    section = {k: v for k, v in plan.recipe["method"].items() if k != "name"}
    return {**method_sizes.parameters(METHODS[method]), **section}


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("method", METHODS)
def test_no_choice_is_unfit(method, data, speed):
    about = DATA[data]
    for minutes in (0.1, 1, 20, 600):
        plan = choose(METHODS[method], about, minutes, SPEEDS[speed])
        recipe, arguments = plan.recipe, resolved(method, plan)
        batch, size = recipe["batch_size"], recipe["views"]["size"]
        steps = about.count // batch
        assert 2 <= batch <= about.count // 2 and batch <= 256
        assert math.log2(batch).is_integer()
        # In proportion to the data.
        assert arguments.get("queue_size", 0) <= max(steps * batch, 1)
        assert arguments.get("num_prototypes", 0) <= max(batch, about.count // 4, 4)
        if "bottleneck_dim" in arguments:
            assert 4 <= arguments["output_dim"] <= max(4, about.count // 4)
        embeddings = arguments.get("bottleneck_dim", arguments.get("output_dim", 0))
        assert embeddings <= max(32, 4 * batch) and embeddings >= 32
        assert arguments.get("predictor_dim", 32) >= 32
        # In proportion to the training.
        for name, value in arguments.items():
            if name.endswith(("_epochs", "_epoch")) and not (
                name.startswith("queue") and not arguments["queue_size"]
            ):
                assert value <= 0.3 * recipe["epochs"] + 1e-9, name
        if "momentum" in arguments:
            assert 0.9 <= arguments["momentum"] < 1
            assert 1 / (1 - arguments["momentum"]) <= max(10.01, recipe["epochs"] * steps / 15)
        assert 0 <= recipe["optimizer"]["warmup_epochs"] <= 0.1 * recipe["epochs"]
        assert 1e-5 < recipe["optimizer"]["learning_rate"] <= 0.1
        # The network, and what it is shown.
        assert 8 <= size <= max(8, about.shorter_side)
        channels = 3 if about.color else 1
        (encoder,) = [
            one
            for one in encoder_sizes.candidates(about.shorter_side, about.count, channels)
            if {"name": one.name, **one.arguments} == recipe["encoder"] and one.size == size
        ]
        assert size >= 2 * encoder.stride
        views = recipe["views"]
        area = views.get("area") or views["global_area"]
        assert area[1] == 1.0 and 0.08 <= area[0] <= 0.6
        side = math.sqrt(area[0]) * max(8, min(about.shorter_side, size))
        assert side >= 6, "a crop that shows nothing"
        assert views.get("local_views", 0) == 0
        # The time.
        assert recipe["epochs"] >= 1
        if recipe["epochs"] > 1:
            assert plan.seconds <= max(60 * minutes, 10 + automatic.START_SECONDS) + 1e-6


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("method", kcs.methods.METHODS)
def test_what_is_chosen_is_a_valid_recipe(method, data):
    plan = choose(kcs.methods.METHODS[method], DATA[data])
    recipe = parse_recipe(plan.recipe)
    assert recipe.method.name == method
    assert recipe.build_views((recipe.views.arguments["size"],) * 2 + (3,)) is not None
    for key in plan.reasons:
        section = plan.recipe
        for part in key.split("."):
            section = section[part]
    long = [reason for reason in plan.reasons.values() if len(reason) > 110]
    assert not long


@pytest.mark.parametrize("method", kcs.methods.METHODS)
def test_the_model_can_be_made(method):
    recipe = parse_recipe(choose(kcs.methods.METHODS[method], DATA["few"], 1, 5e9).recipe)
    model = recipe.build_model((32, 32, 3))
    assert model.encoder.input_shape == (None, 32, 32, 3)


def test_colour_goes_where_there_is_none():
    grey = choose(kcs.methods.BYOL, DATA["colour in grey"]).recipe
    assert grey["data"]["channels"] == 1
    assert grey["views"]["grey"] == 0.0 and grey["views"]["solarize"] == [0.0, 0.0]
    color = choose(kcs.methods.BYOL, DATA["cifar"]).recipe
    assert "channels" not in color["data"] and "solarize" not in color["views"]


def test_images_of_many_sizes_are_brought_to_one():
    photos = choose(kcs.methods.SimCLR, DATA["photographs"]).recipe
    assert photos["data"]["image_size"] == photos["views"]["size"] >= 64
    assert "image_size" not in choose(kcs.methods.SimCLR, DATA["digits"]).recipe["data"]


def test_more_time_and_a_faster_machine_buy_more():
    def cost(minutes, speed):
        plan = choose(kcs.methods.SimCLR, DATA["cifar"], minutes, speed)
        return plan.operations * plan.recipe["epochs"]

    assert cost(5, 6e10) < cost(20, 6e10) < cost(600, 6e10) < cost(600, 2e13)
    encoders = [
        choose(kcs.methods.SimCLR, DATA["cifar"], 20, speed).recipe["encoder"]
        for speed in (6e10, 2e13)
    ]
    assert [encoder["name"] for encoder in encoders] == ["resnet_small", "resnet18"]


def test_what_is_measured_corrects_the_time():
    first = choose(kcs.methods.SimCLR, DATA["fashion"], 20)
    half = choose(
        kcs.methods.SimCLR, DATA["fashion"], 20, first.images_per_second / 2 * first.operations
    )
    assert half.images_per_second == pytest.approx(first.images_per_second / 2)
    assert half.recipe["epochs"] == pytest.approx(first.recipe["epochs"] / 2, abs=1)
    assert half.seconds == pytest.approx(first.seconds, rel=0.2)


def test_bfloat16_where_the_processor_has_it_and_images_are_large_enough():
    for data, expected in (("cifar", "mixed_bfloat16"), ("digits", "float32")):
        plan = choose(kcs.methods.SimCLR, DATA[data], fast_bfloat16=True)
        assert plan.recipe["precision"] == expected
    assert choose(kcs.methods.SimCLR, DATA["cifar"]).recipe["precision"] == "float32"


def test_the_operations_are_those_of_the_published_network():
    small = encoder_sizes.EncoderChoice("resnet18", {"stem": "small"}, 32, 3)
    standard = encoder_sizes.EncoderChoice("resnet18", {"stem": "standard"}, 224, 3)
    # 0.56 and 1.82 billion multiplications, as is well known; forward and backward, twice each.
    assert small.operations(1) / 6 == pytest.approx(0.56e9, rel=0.05)
    assert standard.operations(1) / 6 == pytest.approx(1.82e9, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "minutes", "message"),
    [
        ({"count": 7}, 20, "needs at least 8; 'few' has 7"),
        ({}, 0, "--minutes is above 0; received 0"),
        ({}, -1, "--minutes is above 0"),
        ({}, float("nan"), "--minutes is above 0"),
    ],
)
def test_what_nothing_can_be_chosen_for(changes, minutes, message):
    with pytest.raises(kcs.InputError, match=message):
        choose(kcs.methods.SimCLR, dataclasses.replace(DATA["few"], **changes), minutes)


def test_the_summary_says_what_was_seen():
    about = dataclasses.replace(DATA["photographs"], looked_at=64, broken=2)
    assert about.summary() == (
        "300 images of 200 to 4000 pixels, colour; 2 of the 64 opened cannot be read"
    )
    assert DATA["digits"].summary() == "1,437 images of 8 pixels, grey"
