"""The monitor names collapses early, stays silent on healthy trainings, and says why."""

import csv
import warnings

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import diagnosis
from keras_center_ssl.callbacks import CollapseMonitor, spectra, streak
from keras_center_ssl.callbacks.collapse_causes import likely_causes
from keras_center_ssl.callbacks.training_reports import report_of_embeddings
from tests.helpers.method_checks import build, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)
COLLAPSING = dict(SMALL, center_weight=0.0, decorrelation_weight=0.0)


@pytest.fixture(scope="module")
def dataset():
    return digits_views(steps=20).cache()


@pytest.fixture(scope="module")
def probe(dataset):
    batches = [views for (views,) in dataset.take(3)]
    return tuple(np.concatenate(view) for view in zip(*batches, strict=True))


def watch(monitor, dataset, method=kcs.methods.CenterSSL, epochs=2, callbacks=(), **arguments):
    model = build(method, **(arguments or COLLAPSING))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(dataset, epochs=epochs, verbose=0, callbacks=[monitor, *callbacks])
    found = [w for w in caught if issubclass(w.category, kcs.CollapseWarning)]
    return model, history.history, [str(w.message) for w in found]


class TestOnMethods:
    def test_names_a_complete_collapse_from_the_sums_alone(self, dataset):
        monitor = CollapseMonitor(every=5)
        _, history, messages = watch(monitor, dataset)
        finding = monitor.finding
        assert finding.verdict == "complete_collapse"
        assert finding.since <= 10 and finding.step <= 20
        assert history["collapsed"] == [1.0, 1.0]
        (message,) = messages
        assert f"since step {finding.since}" in message
        assert "CenterSSL: center_weight=0 may be under the critical weight" in message
        assert "learning rate, 0.05" in message
        assert [check["step"] for check in monitor.history] == list(range(5, 41, 5))

    @pytest.mark.parametrize(
        ("method", "probed"), [(kcs.methods.SimSiam, False), (kcs.methods.SimCLR, True)]
    )
    def test_is_silent_on_healthy_trainings(self, dataset, probe, method, probed):
        monitor = CollapseMonitor(every=5, data=probe if probed else None)
        _, history, messages = watch(monitor, dataset, method, **SMALL)
        assert messages == [] and monitor.finding is None
        assert history["collapsed"] == [0.0, 0.0]
        assert monitor.history[-1]["verdict"] == "healthy"

    def test_a_slow_start_is_no_collapse(self, dataset):
        """An untrained encoder looks collapsed; at a small rate it takes its time to spread."""
        model = build(kcs.methods.SimCLR, keras.optimizers.SGD(0.005, momentum=0.9), **SMALL)
        monitor = CollapseMonitor(every=2, on_collapse="raise")
        model.fit(dataset, epochs=2, verbose=0, callbacks=[monitor])
        verdicts = [check["verdict"] for check in monitor.history]
        assert verdicts[-1] == "healthy", verdicts

    def test_figures_of_a_window_are_those_of_its_steps(self, dataset):
        model = build(kcs.methods.SimCLR, keras.optimizers.SGD(0.0), **SMALL)
        tracker = model.trackers["projection"]
        tracker.covariance_every = 1
        monitor = CollapseMonitor(every=5)
        model.fit(dataset.take(10), epochs=1, verbose=0, callbacks=[monitor])
        batches = [model.branches(v, training=True)[1]["projection"] for (v,) in dataset.take(10)]
        expected = kcs.CenterTracker(16, within_steps=True, covariance_every=1)
        for z1, z2 in batches[5:]:
            expected.update_state(z1, z2)
        figures = monitor.history[1]["figures"]
        for name, value in expected.figures().items():
            if name != "effective_rank":
                assert figures[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name

    def test_too_few_samples_are_no_check(self, dataset):
        # 64 a batch, every 4th of them: less than 64 samples in the covariance of 3 steps.
        monitor = CollapseMonitor(every=3)
        watch(monitor, dataset, epochs=1)
        assert [check["step"] for check in monitor.history] == [6, 12, 18]

    def test_stops(self, dataset):
        monitor = CollapseMonitor(every=5, on_collapse="stop")
        model, history, messages = watch(monitor, dataset, epochs=5)
        assert len(history["loss"]) == 1 and len(messages) == 1
        assert int(np.asarray(model.clock.step)) < 40

    def test_raises(self, dataset):
        model = build(kcs.methods.CenterSSL, **COLLAPSING)
        with pytest.raises(kcs.CollapseError, match="Complete collapse at step") as error:
            model.fit(dataset, verbose=0, callbacks=[CollapseMonitor(5, on_collapse="raise")])
        assert error.value.finding.verdict == "complete_collapse"
        assert error.value.finding.reasons and error.value.finding.causes

    def test_epoch_ends_only(self, dataset):
        monitor = CollapseMonitor(every=None, patience=2)
        watch(monitor, dataset, epochs=3)
        assert [check["step"] for check in monitor.history] == [20, 40, 60]
        assert monitor.finding.step == 40

    def test_with_data_all_rules_are_applied(self, dataset, probe):
        monitor = CollapseMonitor(every=10, data=probe)
        model, history, _ = watch(monitor, dataset, epochs=2)
        z = model.branches(probe, training=False)[1]["projection"]
        report = kcs.diagnose(*(np.asarray(x) for x in z))
        assert monitor.history[-1]["verdict"] == report.verdict == "complete_collapse"
        figures = monitor.history[-1]["figures"]
        assert "group_gap" in figures
        assert figures == pytest.approx(report.figures, rel=1e-3, abs=1e-4)
        assert history["probe_center_norm"][-1] == pytest.approx(figures["center_norm"])

    def test_warns_of_a_centre_weight_under_the_critical_before_training(self, dataset):
        monitor = CollapseMonitor(every=None, data=dataset, samples=512)
        _, _, messages = watch(monitor, dataset, epochs=1)
        assert "below the critical weight" in messages[0]
        assert 0.05 < float(monitor.critical_center_weight) < 0.9
        monitor = CollapseMonitor(every=None, data=dataset, samples=512)
        _, _, messages = watch(monitor, dataset, epochs=1, **SMALL)
        assert messages == [] and monitor.critical_center_weight.says(1.0) == "holds"

    @pytest.mark.slow
    def test_a_diverged_training_is_named_at_once(self, dataset):
        for data in (None, dataset):
            model = build(kcs.methods.SimCLR, **SMALL)
            # Of the first layer they would be lost in the ReLU on some devices.
            last_bias = model.projector.trainable_variables[-1]
            last_bias.assign(np.full(last_bias.shape, np.nan))
            monitor = CollapseMonitor(every=5, data=data, on_collapse="raise")
            with pytest.raises(kcs.CollapseError, match=r"^Diverged at step 5,"):
                model.fit(dataset, verbose=0, callbacks=[monitor])

    def test_a_loss_that_is_not_finite_is_enough(self, probe):
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        model.compile("sgd", lambda y, z: keras.ops.sum(z) * float("nan"))
        monitor = CollapseMonitor(
            1, "raise", data=probe[0], embeddings=lambda model, batch: batch.reshape(len(batch), -1)
        )
        with pytest.raises(kcs.CollapseError, match=r"^Diverged at step 1,"):
            model.fit(probe[0], np.zeros(192), verbose=0, callbacks=[monitor])

    def test_dead_units_are_a_collapse(self, dataset):
        for data in (None, dataset):
            model = build(kcs.methods.SimCLR, keras.optimizers.SGD(0.0), **SMALL)
            for weight in model.projector.trainable_variables:
                weight.assign(np.zeros(weight.shape))
            monitor = CollapseMonitor(every=5, data=data, patience=1, on_collapse="raise")
            with pytest.raises(kcs.CollapseError, match="100 % of the embeddings are zero vectors"):
                model.fit(dataset, verbose=0, callbacks=[monitor])

    def test_steps_per_execution_and_several_fits(self, dataset):
        model = build(kcs.methods.SimCLR, **SMALL)
        model.trackers["projection"].covariance_every = 1
        model.compile(keras.optimizers.SGD(0.01), steps_per_execution=4)
        monitor = CollapseMonitor(every=6)
        model.fit(dataset, epochs=1, verbose=0, callbacks=[monitor])
        model.fit(dataset, epochs=1, verbose=0, callbacks=[monitor])
        assert [c["step"] for c in monitor.history] == [8, 12, 20, 24, 32, 36, 40]


class TestOnAnyModel:
    def classifier(self):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Flatten()(inputs)
        x = keras.layers.Dense(16, name="features")(x)
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    @pytest.mark.parametrize("form", ["function", "layer", "two views", "dataset"])
    def test_forms_of_data_and_embeddings(self, probe, form):
        model, images = self.classifier(), probe[0]
        labels = np.arange(len(images)) % 10
        features = keras.Model(model.input, model.get_layer("features").output)
        batches = [(images[:96], labels[:96]), (images[96:], labels[96:])]
        arguments = {
            "function": dict(data=images, embeddings=lambda model, batch: features(batch)),
            "layer": dict(data=images, embeddings="features"),
            "two views": dict(data=probe, embeddings="features"),
            "dataset": dict(data=batches, embeddings="features"),
        }[form]
        monitor = CollapseMonitor(every=2, **arguments)
        history = model.fit(
            images, labels, batch_size=32, epochs=1, verbose=0, callbacks=[monitor]
        ).history
        z = [features(view) for view in (probe if form == "two views" else (images,))]
        expected = kcs.diagnose(*z)
        assert monitor.history[-1]["verdict"] == expected.verdict
        assert monitor.history[-1]["figures"] == pytest.approx(expected.figures, rel=1e-3, abs=1e-4)
        assert history["probe_effective_rank"][0] == pytest.approx(
            expected.figures["effective_rank"], rel=1e-3
        )

    def test_names_groups(self, probe):
        model = self.classifier()
        groups = np.random.default_rng(0).normal(size=(5, 16))[np.arange(192) % 5]
        monitor = CollapseMonitor(1, "stop", data=probe[0], embeddings=lambda *_: groups)
        with pytest.warns(kcs.CollapseWarning, match="Cluster collapse at step 3, seen since"):
            model.fit(probe[0], np.zeros(192), batch_size=32, verbose=0, callbacks=[monitor])
        assert "5 tight groups" in monitor.finding.reasons[0]

    def test_refuses(self, probe):
        model, labels = self.classifier(), np.zeros(192)

        def fit(**arguments):
            model.fit(probe[0], labels, verbose=0, callbacks=[CollapseMonitor(**arguments)])

        with pytest.raises(kcs.InputError, match=r"Functional keeps none. Pass data="):
            fit()
        with pytest.raises(kcs.InputError, match="say what its embeddings are"):
            fit(data=probe[0])
        with pytest.raises(
            kcs.InputError, match=r"Unknown layer 'feature'. Did you mean 'features'"
        ):
            fit(data=probe[0], embeddings="feature")
        with pytest.raises(kcs.InputError, match="embeddings without data"):
            fit(embeddings="features")
        with pytest.raises(kcs.InputError, match="function of model and batch"):
            fit(data=probe[0], embeddings=3)
        with pytest.raises(
            kcs.InputError, match=r"Unknown on_collapse 'stopp'. Did you mean 'stop'"
        ):
            fit(on_collapse="stopp")
        with pytest.raises(kcs.InputError, match="every=0"):
            fit(every=0)
        with pytest.raises(kcs.InputError, match="empty dataset"):
            fit(data=iter([]), embeddings="features")
        with pytest.raises(kcs.InputError, match="same images"):
            fit(data=(probe[0], probe[1][:9]), embeddings="features")


class TestStreak:
    def report(self, verdict="complete_collapse", **figures):
        limits = diagnosis.thresholds(500, 16)
        return diagnosis.CollapseReport(verdict, [], figures, limits, [], 500, 16)

    def add(self, values, patience=3):
        checks = streak.Streak(patience)
        return [
            checks.add(
                step,
                self.report(
                    "healthy" if value >= 0.02 else "complete_collapse", between_variance=value
                ),
            )
            for step, value in enumerate(values)
        ]

    def test_holds_for_some_checks(self):
        assert self.add([0.001, 0.001, 0.001, 0.001]) == [False, False, True, True]
        assert self.add([0.001, 0.001, 0.03, 0.001, 0.001, 0.001, 0.03]) == [
            *[False] * 5,
            True,
            False,
        ]

    def test_does_not_count_on_the_way_out(self):
        assert not any(self.add(np.linspace(0.001, 0.019, 10)))
        # Slower than ten more checks, and not better than ever: no way out.
        assert self.add([0.001, 0.0011, 0.0012, 0.0013])[-2:] == [True, True]
        assert self.add([0.01, 0.001, 0.005, 0.001])[2:] == [True, True]

    def test_rank_and_groups(self):
        health = streak.health_of
        report = self.report("dimensional_collapse", participation_ratio=1.2, dimensions_99=20.0)
        assert health(report) == pytest.approx(1.2 / report.thresholds["participation_ratio"])
        assert health(self.report("cluster_collapse", within_group_share=0.01)) == pytest.approx(
            0.2
        )
        # The figure that the verdict rests on is the one beyond its limit.
        few = self.report("cluster_collapse", within_group_share=0.3, distinct_share=0.1)
        assert health(few) == pytest.approx(0.4)
        assert health(self.report(center_norm_squared=0.99)) == pytest.approx(0.5)


class TestShrinkingLength:
    """Embeddings whose directions look healthy while their length goes to 0."""

    @pytest.fixture
    def healthy(self, rng):
        z = rng.standard_normal((200, 16))
        return [z + 0.05 * rng.standard_normal(z.shape) for _ in range(2)]

    def test_where_the_loss_holds_a_spread(self, healthy):
        for size, verdict in ((1.0, "healthy"), (0.06, "healthy"), (0.04, "complete_collapse")):
            embeddings = [size * z for z in healthy]
            report, _ = report_of_embeddings(embeddings, 1.0, embedding_std=1.0)
            assert report.verdict == verdict
            spread = np.sqrt(embeddings[0].var(axis=0).mean())
            assert report.figures["embedding_std"] == pytest.approx(spread)
        assert "shrink to a point: the standard deviation" in report.reasons[0]
        assert streak.health_of(report) == pytest.approx(spread / 0.05)

    def test_length_says_nothing_where_the_loss_normalises(self, healthy):
        report, _ = report_of_embeddings([1e-6 * z for z in healthy], 1.0)
        assert report.healthy and "embedding_std" not in report.figures

    @pytest.mark.parametrize(
        ("method", "found"), [(kcs.methods.VICReg, True), (kcs.methods.SimCLR, False)]
    )
    def test_the_monitor_asks_the_method(self, dataset, probe, method, found):
        monitor = CollapseMonitor(every=5, data=probe, patience=1)
        model = build(method, **SMALL)
        model.fit(dataset, epochs=2, verbose=0)
        last = [layer for layer in model.projector.layers if layer.weights][-1]
        last.set_weights([0.001 * weight for weight in last.get_weights()])
        model.compile(keras.optimizers.SGD(0.0))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(dataset.take(10), verbose=0, callbacks=[monitor])
        assert any("shrink to a point" in str(w.message) for w in caught) == found


class TestSpectrum:
    def test_leading_eigenvalues_of_a_large_matrix(self, rng):
        values = np.r_[1.0, 0.5, 0.1, 0.02, np.full(700, 1e-6)]
        basis = np.linalg.qr(rng.normal(size=(704, 704)))[0]
        covariance = basis * values @ basis.T
        found = spectra.spectrum(covariance, 30.0)
        assert len(found) < 60
        assert found.sum() == pytest.approx(values.sum())
        np.testing.assert_allclose(found[:4], values[:4], rtol=1e-6)
        assert diagnosis.dimensions_99_of(found) == diagnosis.dimensions_99_of(values)
        assert spectra.participation_ratio(covariance) == pytest.approx(
            kcs.geometry.participation_ratio_of(values)
        )
        # A flat spectrum is at least seen to be beyond the limit.
        assert diagnosis.dimensions_99_of(spectra.spectrum(np.eye(704), 30.0)) > 30


class TestLogs:
    def test_csv_and_tensorboard_hold_the_figures(self, dataset, tmp_path):
        import tensorflow as tf

        callbacks = [
            keras.callbacks.CSVLogger(tmp_path / "history.csv"),
            keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False, update_freq=5),
        ]
        monitor = CollapseMonitor(every=5, data=dataset, samples=128, log_dir=tmp_path / "own")
        watch(monitor, dataset, callbacks=callbacks, **SMALL)
        with open(tmp_path / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        names = {"collapsed", "probe_center_norm", "probe_participation_ratio", "center_norm"}
        assert names <= set(rows[0]) and len(rows) == 2
        assert float(rows[1]["probe_center_norm"]) == pytest.approx(
            monitor.history[-1]["figures"]["center_norm"]
        )

        def events(folder):
            found = {}
            for file in folder.rglob("events*"):
                for event in tf.compat.v1.train.summary_iterator(str(file)):
                    for value in event.summary.value:
                        found.setdefault(value.tag, []).append(event.step)
            return found

        board = events(tmp_path / "board")
        for name in ("center_norm", "effective_rank", "collapsed", "probe_center_norm"):
            assert board[f"epoch_{name}"] == [0, 1], name
        for name in ("center_norm", "between_variance", "probe_dimensions_99"):
            assert len(board[f"batch_{name}"]) >= 6, name
        own = events(tmp_path / "own")
        steps = list(range(5, 41, 5))
        for name in ("collapsed", "probe_center_norm", "probe_spectrum", "probe_pairwise_cosine"):
            assert own[f"collapse/{name}"] == steps, name

    def test_every_epoch_has_all_columns(self, dataset, tmp_path):
        monitor = CollapseMonitor(every=None)
        _, history, _ = watch(monitor, dataset.take(2), epochs=1)
        # Two steps hold too few samples for a verdict; the column is there all the same.
        assert history["collapsed"] == [0.0] and monitor.history == []


def encoder():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])


class TestCauses:
    @pytest.mark.parametrize(
        ("method", "arguments", "verdict", "words"),
        [
            ("SimSiam", dict(stop_gradient=False), "complete_collapse", "stop_gradient=False"),
            ("SimSiam", dict(predictor=None), "dimensional_collapse", "predictor=None"),
            ("SimSiam", dict(predictor="mean"), "complete_collapse", "predictor='mean'"),
            ("CenterSSL", dict(center_weight=0.02), "complete_collapse", "center_weight=0.02"),
            (
                "CenterSSL",
                dict(decorrelation_weight=0.0),
                "dimensional_collapse",
                "decorrelation_weight=0",
            ),
            ("BYOL", dict(predictor=None), "complete_collapse", "predictor=None"),
            ("BYOL", dict(momentum=0.0), "complete_collapse", "momentum=0:"),
            (
                "BarlowTwins",
                dict(redundancy_weight=0.0),
                "dimensional_collapse",
                "redundancy_weight=0:",
            ),
            ("BarlowTwins", dict(batch_norm=False), "complete_collapse", "batch_norm=False"),
            ("VICReg", dict(variance_weight=0.0), "complete_collapse", "variance_weight=0"),
            ("VICReg", dict(covariance_weight=0.0), "dimensional_collapse", "covariance_weight=0"),
            ("SwAV", dict(sinkhorn=False), "complete_collapse", "sinkhorn=False"),
            ("DINO", dict(centering=False), "complete_collapse", "centering=False"),
            ("DINO", dict(sharpening=False), "complete_collapse", "sharpening=False"),
            ("SimCLR", dict(temperature=5.0), "dimensional_collapse", "temperature=5:"),
            ("MoCo", dict(momentum=0.5), "complete_collapse", "momentum=0.5:"),
            ("Triplet", dict(margin=None), "dimensional_collapse", "margin=None"),
        ],
    )
    def test_the_models_own_setting_comes_first(self, method, arguments, verdict, words):
        sizes = dict(hidden_dim=8, output_dim=8)
        if method == "DINO":
            sizes["bottleneck_dim"] = 8
        if method == "SwAV":
            sizes["num_prototypes"] = 16
        if method == "MoCo":
            sizes["queue_size"] = 32
        model = getattr(kcs.methods, method)(encoder(), **sizes, **arguments)
        model.compile(keras.optimizers.SGD(0.25))
        first, *rest = likely_causes(model, verdict)
        assert first.startswith(f"{method}: ") and words in first
        assert any("learning rate, 0.25" in cause for cause in rest)
        defaults = getattr(kcs.methods, method)(encoder(), **sizes)
        assert not any(words in cause for cause in likely_causes(defaults, verdict))

    def test_a_subclass_keeps_the_advice_and_adds_its_own(self):
        class Own(kcs.methods.SimSiam):
            def collapse_causes(self, verdict):
                return ["own=1: mine.", *super().collapse_causes(verdict)]

        sizes = dict(hidden_dim=8, output_dim=8, predictor=None)
        first, second, *_ = likely_causes(Own(encoder(), **sizes), "complete_collapse")
        assert first == "Own: own=1: mine." and second.startswith("Own: predictor=None")

    def test_a_divergence_is_no_matter_of_settings(self):
        model = kcs.methods.SimSiam(encoder(), hidden_dim=8, output_dim=8, predictor=None)
        model.compile("sgd")
        assert [cause[:17] for cause in likely_causes(model, "diverged")] == ["The learning rate"]

    def test_other_models(self):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        assert all("learning rate" not in cause for cause in likely_causes(model, "diverged"))
        model.compile("sgd")
        assert "learning rate, 0.01" in likely_causes(model, "complete_collapse")[0]
