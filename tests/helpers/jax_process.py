"""Trains SimCLR with `kcs.data.multi_view`, alone or as one of several processes of JAX.

python -m tests.helpers.jax_process FILE [PORT PROCESSES NUMBER]
"""

import sys

import keras
import numpy as np

import keras_center_ssl as kcs


def main(file, port=None, processes=1, number=0):
    if port:
        keras.distribution.initialize(f"127.0.0.1:{port}", int(processes), int(number))
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    keras.utils.set_random_seed(0)
    model = kcs.methods.SimCLR(
        kcs.encoders.resnet_small((8, 8, 1), width=8), hidden_dim=16, output_dim=8
    )
    model.compile(keras.optimizers.SGD(0.02))
    views = kcs.views.simclr(8, area=(0.5, 1.0), flip=0.0, blur=0.0, grey=0.0)
    train, validation = (
        kcs.data.multi_view("digits", views=views, batch_size=16, limit=64, seed=seed)
        for seed in (0, 1)
    )
    fixed = tuple(np.asarray(view) for view in next(iter(validation))[0])
    validation.position.set(0)
    monitor = kcs.callbacks.CollapseMonitor(every=2, data=fixed)
    history = model.fit(
        train, validation_data=validation, epochs=2, verbose=0, callbacks=[monitor]
    ).history
    np.savez(
        file,
        **history,
        weights=np.concatenate([np.ravel(w) for w in model.get_weights()]),
        devices=keras.distribution.get_device_count(),
        progress=np.asarray(model.clock.progress),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
