import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, value_and_gradients


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def reference(student, teacher, center, student_temperature, teacher_temperature):
    p_teacher = softmax((teacher - center) / teacher_temperature)
    p_student = softmax(student / student_temperature)
    return -np.mean(np.sum(p_teacher * np.log(p_student), axis=-1))


def random_arguments(rng, batch=5, outputs=7):
    return [rng.uniform(-1, 1, shape) for shape in ((batch, outputs), (batch, outputs), (outputs,))]


@pytest.mark.parametrize("temperatures", [(0.1, 0.04), (0.5, 0.5), (1.0, 0.07)])
def test_value_and_gradient(rng, temperatures):
    check_loss(
        lambda *args: kcs.losses.dino(*args, *temperatures),
        lambda *args: reference(*args, *temperatures),
        *random_arguments(rng),
        constant=(1, 2),
    )


def test_published_temperatures_are_the_defaults(rng):
    arguments = random_arguments(rng)
    value = float(kcs.losses.dino(*arguments))
    np.testing.assert_allclose(value, reference(*arguments, 0.1, 0.04), rtol=1e-5)


def test_known_values():
    eye, nothing = np.eye(4, dtype="float32"), np.zeros(4, "float32")
    # A sure student that agrees, one that disagrees (a gap of 1 / .1), and a uniform one.
    assert float(kcs.losses.dino(eye, eye, nothing)) == pytest.approx(0, abs=2e-4)
    other = np.roll(eye, 1, axis=1)
    assert float(kcs.losses.dino(other, eye, nothing)) == pytest.approx(10, abs=1e-3)
    assert float(kcs.losses.dino(0 * eye, eye, nothing)) == pytest.approx(np.log(4), rel=1e-5)


def test_centring_undoes_a_collapse_to_one_output():
    favourite = np.tile(np.array([[3.0, 0, 0, 0]], "float32"), (6, 1))
    collapsed = float(kcs.losses.dino(favourite, favourite, np.zeros(4, "float32")))
    assert collapsed == pytest.approx(0, abs=1e-4)
    centred = float(kcs.losses.dino(favourite, favourite, favourite[0]))
    # A uniform target: the sure student pays 3 / .1 for three of four outputs.
    assert centred == pytest.approx(30 * 3 / 4, rel=1e-4)


def test_the_order_of_samples_and_outputs_and_a_constant_do_not_matter(rng):
    student, teacher, center = random_arguments(rng)
    value = float(kcs.losses.dino(student, teacher, center))
    rows, columns = rng.permutation(5), rng.permutation(7)
    for arguments in (
        (student[rows], teacher[rows], center),
        (student[:, columns], teacher[:, columns], center[columns]),
        (student + 2.0, teacher - 1.0, center),
        (student, teacher + 0.5, center + 0.5),
    ):
        assert float(kcs.losses.dino(*arguments)) == pytest.approx(value, rel=1e-4)


def test_large_logits_stay_finite(rng):
    arguments = [100 * argument for argument in random_arguments(rng)]
    value, gradients = value_and_gradients(kcs.losses.dino, *arguments)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in gradients)


def test_half_precision_logits_are_computed_in_float32(rng):
    arguments = [keras.ops.cast(a, "bfloat16") for a in random_arguments(rng)]
    assert keras.backend.standardize_dtype(kcs.losses.dino(*arguments).dtype) == "float32"


def test_bad_input_is_named(rng):
    student, teacher, center = random_arguments(rng)
    with pytest.raises(kcs.InputError, match="student and teacher"):
        kcs.losses.dino(student[:3], teacher, center)
    with pytest.raises(kcs.InputError, match="teacher_temperature"):
        kcs.losses.dino(student, teacher, center, teacher_temperature=0)
