"""A TensorFlow SavedModel of an encoder, with every weight in it once."""

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.export.ends import INPUT, OUTPUT
from keras_center_ssl.export.inference_graph import inference_function, quiet


def write(encoder, path):
    """Writes the folder `path`.

    Not `model.export`: Keras 3.15 writes every variable twice into the folder.
    """
    function = inference_function(encoder, lambda features: {OUTPUT: features})
    module = tf.Module()
    module.serve = function
    module.weights = list(function.get_concrete_function().graph.variables)
    with quiet():
        tf.saved_model.save(module, str(path), signatures={"serving_default": function})


def read(path):
    """A function from images to features that runs the folder."""
    with quiet():
        reloaded = tf.saved_model.load(str(path))

    def predict(images):
        serve = reloaded.signatures["serving_default"]
        return serve(**{INPUT: tf.constant(images)})[OUTPUT].numpy()

    return predict
