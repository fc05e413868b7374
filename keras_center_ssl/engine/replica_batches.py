"""How a batch of the whole training is shared out to the replicas of a `tf.distribute` strategy.

Every replica gets its own rows of the same global batch, in the order of the replicas: of `n` rows,
replica `r` of `W` gets those from `n r // W` to `n (r + 1) // W`. So the replicas' rows, one after
the other, are the batch that a single replica would have, the last and smaller one of an epoch
included.
"""

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError


def share_out(dataset, strategy, endless=False):
    """`dataset` of global batches as a distributed dataset of the replicas' parts.

    On each worker the pipeline runs once, for its own replicas. Where `dataset` has `rows_of`,
    as that of `kcs.data.multi_view`, a worker makes only the rows that its replicas need; any other
    dataset is run as it is and its batches cut, and has to have the same order on all workers.

    Args:
        dataset: A `tf.data.Dataset`.
        strategy: The `tf.distribute.Strategy` that the model was made under.
        endless: Whether passes over the dataset follow each other without end.

    Raises:
        InputError: If the batch size is fixed, and no multiple of the number of replicas.
    """
    replicas = strategy.num_replicas_in_sync
    sizes = {spec.shape[0] for spec in tf.nest.flatten(dataset.element_spec) if spec.shape.rank}
    for size in sizes - {None}:
        check_even(size, replicas)

    def worker_dataset(context):
        workers = context.num_input_pipelines
        each = replicas // workers
        if hasattr(dataset, "rows_of"):
            own = dataset.rows_of(context.input_pipeline_id, workers, endless)
            first, count = 0, each
        else:
            own = dataset.repeat() if endless else dataset
            first, count = context.input_pipeline_id * each, replicas

        def parts(*batch):
            return tf.data.Dataset.range(first, first + each).map(
                lambda index: _part(batch, index, count)
            )

        if count > 1:
            own = own.flat_map(parts)
        return own.prefetch(tf.data.AUTOTUNE)

    # A dataset from a function is taken as it is: Keras and TensorFlow shard nothing of it.
    return strategy.distribute_datasets_from_function(worker_dataset)


def endless(dataset, strategy, steps_per_epoch=None):
    """What `fit` gets: the shared-out dataset, and its steps per epoch.

    Repeated without end where the number of batches is known: the passes then follow each other in
    one iterator, whatever Keras prefetches, and batches keep their static shapes.
    """
    steps = step_count(dataset, steps_per_epoch)
    return share_out(dataset, strategy, endless=steps is not None), steps


def check_even(batch_size, replicas):
    """Raises unless every replica gets the same number of samples."""
    if batch_size % replicas:
        raise InputError(
            f"A batch of {batch_size} samples cannot be shared evenly by {replicas} replicas. "
            f"Choose a batch size that is a multiple of {replicas}, such as "
            f"{-(-batch_size // replicas) * replicas}: batch sizes are those of all replicas "
            "together."
        )


def step_count(dataset, steps=None):
    """`steps`, else the number of batches in `dataset`, or `None` where that is not known."""
    if steps is not None:
        return steps
    batches = int(dataset.cardinality())
    return batches if batches >= 0 else None


def _part(batch, index, count):
    """Rows of part `index` of `count` of every tensor in a batch."""

    def rows(tensor):
        if tensor.shape[0] is not None:
            size = tensor.shape[0] // count
            part = tensor[index * size : (index + 1) * size]
            return tf.ensure_shape(part, [size, *tensor.shape[1:]])
        total = tf.shape(tensor, tf.int64)[0]
        return tensor[total * index // count : total * (index + 1) // count]

    return tf.nest.map_structure(rows, batch)
