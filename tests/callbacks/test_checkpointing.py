"""`Checkpoint` in a plain `fit`, its files, and `StopOnDivergence`."""

import contextlib
import errno
import json
import signal

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

import keras_center_ssl as kcs
from keras_center_ssl.callbacks import checkpoint_files as checkpoints
from keras_center_ssl.callbacks.signals import stop_on_signals
from keras_center_ssl.files import is_disk_full

STEPS = 5


def small_model(method="MoCo", **changes):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
        ]
    )
    arguments = {"hidden_dim": 16, "output_dim": 8}
    if method == "MoCo":
        arguments["queue_size"] = 64
    model = getattr(kcs.methods, method)(encoder, **{**arguments, **changes})
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def small_data(limit=16 * STEPS, **changes):
    images = np.random.default_rng(0).random((limit, 8, 8, 1), "float32")
    return kcs.data.multi_view(images, views=noisy_views, **{"batch_size": 16, **changes})


def noisy_views(images, seed):
    noise = (tf.random.stateless_normal(tf.shape(images), seed + i, 0.0, 0.1) for i in range(2))
    return tuple(images + values for values in noise)


class Crash(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("power cut")


class Batches(keras.callbacks.Callback):
    """Which batches a fit reports, as (epoch, batch)."""

    def __init__(self):
        super().__init__()
        self.begun, self.seen = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.begun.append((self.epoch, batch))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((self.epoch, batch))


def values(model):
    return [keras.ops.convert_to_numpy(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_same(model, other):
    for mine, theirs in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def interrupted_fit(folder, crash, model=None, **options):
    model = model or small_model()
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(
            small_data(),
            callbacks=[kcs.callbacks.Checkpoint(folder, **options), Crash(crash)],
            epochs=3,
            verbose=0,
        )


def test_fit_goes_on_within_an_epoch(tmp_path):
    whole, monitor = small_model(), kcs.callbacks.CollapseMonitor(every=2)
    expected = whole.fit(small_data(), epochs=3, verbose=0, callbacks=[monitor]).history
    interrupted_fit(tmp_path, crash=STEPS + 4, every=3)
    resumed, batches, said = small_model(), Batches(), []
    checkpoint = kcs.callbacks.Checkpoint(tmp_path, say=said.append)
    found = kcs.callbacks.CollapseMonitor(every=2)
    history = resumed.fit(
        small_data(), epochs=3, verbose=0, callbacks=[checkpoint, batches, found]
    ).history
    assert said == ["Going on from epoch 2, step 1 of 5."]
    assert batches.begun == batches.seen
    assert batches.seen == [(1, n) for n in range(1, STEPS)] + [(2, n) for n in range(STEPS)]
    assert_same(resumed, whole)
    assert history["loss"] == expected["loss"][1:]
    assert history["effective_rank"] == expected["effective_rank"][1:]


def test_the_monitor_goes_on_with_its_streak(tmp_path):
    def watched_fit(*callbacks):
        monitor = kcs.callbacks.CollapseMonitor(every=3, patience=7)
        model = small_model()
        # All embeddings point the same way.
        bias = model.projector.trainable_variables[-1]
        bias.assign(bias + 100.0)
        with contextlib.suppress(RuntimeError):
            model.fit(
                small_data(limit=2560, batch_size=512),
                epochs=4,
                verbose=0,
                callbacks=[monitor, *callbacks],
            )
        return monitor

    with pytest.warns(kcs.CollapseWarning):
        expected = watched_fit()
    assert expected.finding.step >= 14, "behind the interruption"
    interrupted = watched_fit(kcs.callbacks.Checkpoint(tmp_path, every=4), Crash(14))
    assert interrupted.finding is None
    with pytest.warns(kcs.CollapseWarning):
        found = watched_fit(kcs.callbacks.Checkpoint(tmp_path))
    assert found.history == expected.history
    assert found.finding == expected.finding


def test_a_finished_fit_trains_no_further_and_a_longer_one_does(tmp_path):
    model = small_model(final_momentum=1.0)
    model.fit(small_data(), epochs=2, verbose=0, callbacks=[kcs.callbacks.Checkpoint(tmp_path)])
    again = small_model(final_momentum=1.0)
    checkpoint = kcs.callbacks.Checkpoint(tmp_path)
    history = again.fit(small_data(), epochs=2, verbose=0, callbacks=[checkpoint])
    assert history.epoch == [] and checkpoint.resumed == "the end of epoch 2"
    assert_same(again, model)
    history = again.fit(small_data(), epochs=3, verbose=0, callbacks=[checkpoint])
    assert history.epoch == [2]
    assert float(again.clock.total_steps) == float(again.clock.step) == 3 * STEPS


def test_data_without_a_place_is_saved_at_epoch_ends(tmp_path):
    plain = small_data().map(lambda views: (views,))
    callback = kcs.callbacks.Checkpoint(tmp_path / "plain", every=1)
    small_model().fit(plain, epochs=1, verbose=0, callbacks=[callback])
    assert [p.name for p in callback.checkpoints.files()] == [f"step-{STEPS:08d}.safetensors"]
    data = small_data()
    callback = kcs.callbacks.Checkpoint(tmp_path / "named", every=1, keep=9, data=data)
    small_model().fit(data.map(lambda views: (views,)), epochs=1, verbose=0, callbacks=[callback])
    assert len(callback.checkpoints.files()) == STEPS


def test_any_keras_model_resumes_at_epoch_ends(tmp_path):
    x, y = np.ones((32, 4), "float32"), np.ones((32, 1), "float32")

    def fit(epochs):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5, seed=1)])
        model.add(keras.layers.Dense(1))
        model.compile("adam", "mse")
        checkpoint = kcs.callbacks.Checkpoint(tmp_path / str(len(stages)), every=1)
        return model, model.fit(x, y, epochs=epochs, verbose=0, callbacks=[checkpoint])

    stages = []
    whole, _ = fit(3)
    stages = [1]
    fit(1)
    resumed, history = fit(3)
    assert history.epoch == [1, 2]
    assert_same(resumed, whole)


@pytest.mark.skipif(
    keras.__version__.startswith("3.12"), reason="Keras 3.12 cannot seed its own random ops"
)
def test_random_ops_without_a_seed_go_on(tmp_path):
    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + 0.1 * keras.random.normal(keras.ops.shape(x))

    def noisy():
        keras.utils.set_random_seed(1)
        images = keras.Input((8, 8, 1))
        features = keras.layers.Flatten()(Noise()(images))
        encoder = keras.Model(images, keras.layers.Dense(8)(features))
        model = kcs.methods.SimCLR(encoder, hidden_dim=16, output_dim=8)
        model.compile("sgd")
        return model

    whole = noisy()
    whole.fit(small_data(), epochs=3, verbose=0)
    interrupted_fit(tmp_path, crash=STEPS + 3, model=noisy(), every=1)
    resumed = noisy()
    resumed.fit(small_data(), epochs=3, verbose=0, callbacks=[kcs.callbacks.Checkpoint(tmp_path)])
    assert_same(resumed, whole)


def test_what_cannot_go_on_is_refused(tmp_path):
    interrupted_fit(tmp_path, crash=4, every=1)
    resume = [kcs.callbacks.Checkpoint(tmp_path)]
    with pytest.raises(kcs.InputError, match=r"another model \(MoCo\): .* \(16, 4\) here"):
        small_model(output_dim=4).fit(small_data(), epochs=3, verbose=0, callbacks=resume)
    with pytest.raises(kcs.InputError, match="5 steps an epoch, and this data has 10"):
        small_model().fit(small_data(limit=160), epochs=3, verbose=0, callbacks=resume)
    with pytest.raises(kcs.InputError, match="cannot begin there"):
        plain = small_data().map(lambda views: (views,))
        small_model().fit(plain, epochs=3, verbose=0, callbacks=resume)
    other = small_model()
    other.compile("sgd")
    with pytest.raises(kcs.InputError, match="another optimizer"):
        other.fit(small_data(), epochs=3, verbose=0, callbacks=resume)
    with pytest.raises(kcs.InputError, match="keep is above 0"):
        kcs.callbacks.Checkpoint(tmp_path, keep=0)


@pytest.mark.slow
def test_without_a_whole_checkpoint_it_starts_over(tmp_path):
    interrupted_fit(tmp_path, crash=4, every=1)
    for path, damaged in zip(sorted(tmp_path.iterdir()), (b"", b"noise" * 99), strict=True):
        path.write_bytes(damaged)
    said, model, batches = [], small_model(), Batches()
    checkpoint = kcs.callbacks.Checkpoint(tmp_path, say=said.append)
    with pytest.warns(kcs.CheckpointWarning) as warned:
        model.fit(small_data(), verbose=0, callbacks=[checkpoint, batches])
    assert sum("is damaged" in str(w.message) for w in warned) == 2
    assert said == ["No checkpoint is whole: the training starts over."]
    assert batches.seen[0] == (0, 0)


# -- files -----------------------------------------------------------------------------------------


def test_files_are_safetensors_with_a_hash(tmp_path):
    import ml_dtypes

    arrays = {
        "a/0/x": np.arange(6, dtype="float32").reshape(2, 3),
        "half": np.array(1.5, ml_dtypes.bfloat16),
        "none": np.zeros((0, 3), "int64"),
        "yes": np.array([True, False]),
        "a/10/x": np.arange(2),
        "a/9/x": np.arange(3),
    }
    folder = checkpoints.CheckpointFolder(tmp_path / "new")
    path = folder.write(12, arrays, {"epoch": 1, "best": -np.inf})
    found, state = checkpoints.read(path)
    assert state == {"epoch": 1, "best": -np.inf}
    assert list(found) == list(arrays), "in the order they were written"
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)
    opened = safetensors.numpy.load_file(path)
    assert opened.keys() == {*arrays, "sha256"}
    np.testing.assert_array_equal(opened["a/0/x"], arrays["a/0/x"])
    # As https://huggingface.co/docs/safetensors says.
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + length])
    begin, end = table["a/0/x"]["data_offsets"]
    raw = content[8 + length :]
    np.testing.assert_array_equal(np.frombuffer(raw[begin:end], "<f4"), np.arange(6))
    assert max(e["data_offsets"][1] for k, e in table.items() if k[0] != "_") == len(raw)


def test_every_byte_counts(tmp_path):
    folder = checkpoints.CheckpointFolder(tmp_path)
    path = folder.write(1, {"x": np.arange(9)}, {})
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(checkpoints.DamagedCheckpoint):
            checkpoints.read(path)
    for length in (0, 8, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(checkpoints.DamagedCheckpoint):
            checkpoints.read(path)


def test_two_are_kept_and_rests_are_removed(tmp_path):
    folder = checkpoints.CheckpointFolder(tmp_path)
    (tmp_path / f"step-1.{0:016x}.tmp").write_bytes(b"half")
    (tmp_path / "model.keras").write_bytes(b"other")
    for step in (8, 9, 100_000_000, 100):
        folder.write(step, {"x": np.zeros(2)}, {})
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["model.keras", "step-00000100.safetensors", "step-100000000.safetensors"]
    folder.clear()
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_a_full_disk_is_known_by_number_and_by_words():
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert is_disk_full(OSError(number, "x"))
    wrapped = RuntimeError("cannot save")
    wrapped.__cause__ = ValueError("write failed: errno = 28, 'No space left on device'")
    assert is_disk_full(wrapped)
    assert not is_disk_full(PermissionError(errno.EACCES, "Permission denied"))


def test_a_second_signal_stops_at_once(tmp_path):
    checkpoint, said = kcs.callbacks.Checkpoint(tmp_path), []
    # Where the tests themselves run in the background, the shell has made SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), stop_on_signals(checkpoint, said.append):
            signal.raise_signal(signal.SIGINT)
            assert "Once more to stop at once" in said[0]
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


# -- divergence ------------------------------------------------------------------------------------


class Explode(keras.callbacks.Callback):
    """Makes a weight NaN before a step."""

    def __init__(self, step, weights):
        super().__init__()
        self.left, self.weights = step, weights

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            weight = self.weights(self.model)
            weight.assign(np.full(weight.shape, np.nan))


def test_divergence_names_step_and_branch(tmp_path):
    model = small_model()
    explode = Explode(STEPS + 3, lambda m: m.projector.trainable_variables[-1])
    checkpoint = kcs.callbacks.Checkpoint(tmp_path, every=1)
    stop = kcs.callbacks.StopOnDivergence()
    with pytest.raises(kcs.DivergenceError, match=r"step 8 \(epoch 2, step 3 in it\)") as caught:
        model.fit(small_data(), epochs=3, verbose=0, callbacks=[checkpoint, stop, explode])
    assert (caught.value.step, caught.value.branch) == (8, "projection")
    assert "'projection'" in str(caught.value)
    _, arrays, state = checkpoint.checkpoints.read()
    assert (state["epoch"], state["step"]) == (1, 2), "the last good checkpoint"
    assert all(np.isfinite(a).all() for k, a in arrays.items() if k.startswith("model/"))


def test_divergence_of_the_loss_alone_blames_no_branch():
    class Overflow(kcs.methods.SimCLR):
        def branches(self, views, training):
            loss, embeddings = super().branches(views, training)
            return loss / keras.ops.relu(2.0 - self.clock.step), embeddings

    model = Overflow(small_model().encoder, hidden_dim=16, output_dim=8)
    model.compile("sgd")
    stop = kcs.callbacks.StopOnDivergence()
    with pytest.raises(kcs.DivergenceError, match=r"step 3 .*the loss itself") as caught:
        model.fit(small_data(), epochs=1, verbose=0, callbacks=[stop])
    assert (caught.value.step, caught.value.branch) == (3, None)


def test_no_checkpoint_is_written_of_weights_that_are_not_finite(tmp_path):
    explode = Explode(2, lambda m: m.projector.trainable_variables[0])
    checkpoint = kcs.callbacks.Checkpoint(tmp_path, every=1)
    with pytest.raises(kcs.DivergenceError, match="NaN or infinite after step 2"):
        small_model().fit(small_data(), verbose=0, callbacks=[explode, checkpoint])
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001.safetensors"]
