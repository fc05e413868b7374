"""Cross-entropy of a sharpened, centred teacher: the objective of DINO."""

from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import check_pair
from keras_center_ssl.numerics import full_precision
from keras_center_ssl.types import Tensor


def dino(
    student: Tensor,
    teacher: Tensor,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """`-mean sum_k P_t[k] log P_s[k]` for one student and one teacher view (Caron et al., DINO,
    arXiv 2104.14294, eq. 1 and algorithm 1).

    `P_s = softmax(student / student_temperature)` and
    `P_t = softmax((teacher - center) / teacher_temperature)`. Subtracting the centre keeps one
    output from winning for all samples, the lower temperature of the teacher (sharpening) keeps
    the outputs from becoming uniform.

    Args:
        student: Logits of a student view, `(B, K)`.
        teacher: Logits of the teacher for another view of the same images, `(B, K)`. No gradient
            passes through them.
        center: Running mean of the teacher's logits, `(K,)`; 0 for no centring.
        student_temperature: Positive, .1 in the paper.
        teacher_temperature: Positive, .04 to .07 in the paper; a number or a scalar tensor.

    Returns:
        A scalar between 0 and infinity; `log K` where the student is uniform.

    Raises:
        InputError: If shapes differ or a temperature is not positive.
    """
    check_pair(student, teacher, names=("student", "teacher"), minimum=1)
    for name, value in (
        ("student_temperature", student_temperature),
        ("teacher_temperature", teacher_temperature),
    ):
        if isinstance(value, (int, float)) and value <= 0:
            raise InputError(f"dino needs a {name} above 0; received {value}.")
    probabilities = teacher_probabilities(teacher, center, teacher_temperature)
    log_probabilities = ops.log_softmax(ops.cast(student, full_precision()) / student_temperature)
    return -ops.mean(ops.sum(probabilities * log_probabilities, axis=-1))


def teacher_probabilities(teacher, center, teacher_temperature):
    """`softmax((teacher - center) / teacher_temperature)`, `(B, K)`, without gradient."""
    logits = ops.cast(teacher, full_precision()) - ops.cast(center, full_precision())
    return ops.stop_gradient(ops.softmax(logits / ops.cast(teacher_temperature, full_precision())))
