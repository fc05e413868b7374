"""A TensorFlow SavedModel of an encoder, with every weight in it once, and two ways in.

`serving_default` takes what the encoder takes, floats in [0, 1]; `serving_uint8` takes the 8-bit
pixels of image files, which are a quarter of the bytes to send, and divides them by 255 itself.
"""

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.export.ends import ends_of
from keras_center_ssl.export.inference_graph import inference_function, quiet

# The signatures, as TensorFlow Serving and `tf.saved_model.load` know them.
FLOATS = "serving_default"
PIXELS = "serving_uint8"


def write(encoder, path):
    """Writes the folder `path`.

    Not `model.export`: Keras 3.15 writes every variable twice into the folder.
    """
    given, got = ends_of(encoder)
    function = inference_function(encoder, lambda features: {got: features})
    module = tf.Module()
    module.serve = function
    module.weights = list(function.get_concrete_function().graph.variables)
    signatures = {FLOATS: function}
    if len(encoder.input_shape) == 4:
        module.serve_uint8 = signatures[PIXELS] = _of_pixels(encoder, function, given)
    with quiet():
        tf.saved_model.save(module, str(path), signatures=signatures)


def _of_pixels(encoder, function, given):
    """`function` for images in 8 bits."""
    spec = tf.TensorSpec((None, *encoder.input_shape[1:]), tf.uint8, name=given)
    return tf.function(
        lambda images: function(tf.cast(images, tf.float32) / 255.0), input_signature=[spec]
    )


def read(path):
    """A function from images to features that runs the folder."""
    with quiet():
        reloaded = tf.saved_model.load(str(path))

    def predict(images):
        serve = reloaded.signatures[FLOATS]
        (given,), (got,) = serve.structured_input_signature[1], serve.structured_outputs
        return serve(**{given: tf.constant(images)})[got].numpy()

    return predict
