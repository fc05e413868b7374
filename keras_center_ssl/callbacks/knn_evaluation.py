"""k-NN accuracy while a model is trained."""

import keras

from keras_center_ssl import evaluation
from keras_center_ssl.callbacks.labelled import every_epochs, labelled_images


class KNNEvaluation(keras.callbacks.Callback):
    """Logs `knn_accuracy` of the encoder's features at the end of every `every`-th epoch.

    The encoder is run in inference mode on images that are held out; labels vote and are compared,
    and never reach the method's loss. The figure is in the epoch's logs: put this callback before
    those that read it (`EarlyStopping`, `ModelCheckpoint`, `CSVLogger`).

    Args:
        train: Images and labels that vote: a pair of arrays, or a labelled source of `kcs.data`
            such as `"fashion_mnist"`.
        test: Images and labels to classify; hold them out of the training images while settings
            are chosen. `None`: the source's test images.
        every: Epochs between two evaluations; the last epoch is always evaluated.
        k: Neighbours that vote.
        temperature: Of the votes.
        limit: Use so many images of each part only.
        name: Of the figure in the logs.

    Example:

    >>> knn = kcs.callbacks.KNNEvaluation((images, labels), (held_out, its_labels), every=5)
    >>> model.fit(dataset, epochs=100, callbacks=[knn])
    """

    def __init__(
        self, train, test=None, every=1, k=20, temperature=0.1, limit=None, name="knn_accuracy"
    ):
        super().__init__()
        self.train = labelled_images(train, "train", "train", limit)
        self.test = labelled_images(train if test is None else test, "test", "test", limit)
        self.every = every_epochs(every)
        self.k = k
        self.temperature = temperature
        self.name = name

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.params.get("epochs"):
            return
        parts = [
            part
            for images, labels in (self.train, self.test)
            for part in (evaluation.embed(self.model, images), labels)
        ]
        logs[self.name] = evaluation.knn_accuracy(*parts, k=self.k, temperature=self.temperature)
