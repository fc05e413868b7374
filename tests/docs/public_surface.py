"""Uses the public names as a program would. Not run: `make types` checks it."""

import keras
import numpy as np

import keras_center_ssl as kcs

z1 = z2 = np.zeros((64, 8))
labels = np.zeros(64, int)

loss = kcs.losses.nt_xent(z1, z2, temperature=0.5) + kcs.losses.dcl(z1, z2)
length: float = kcs.geometry.center_norm_squared(z1, z2)
spectrum: np.ndarray = kcs.geometry.covariance_spectrum(z1)

report: kcs.CollapseReport = kcs.diagnose(z1, z2, name="mine")
verdict: str = report.verdict
text: str = report.to_json()

encoder: keras.Model = kcs.encoders.resnet_small((28, 28, 1), width=16)
encoder = kcs.encoders.whitened(encoder, z1, dimensions=4)
method = kcs.methods.SimCLR(encoder, temperature=0.2, center_weight=1.0)
views = kcs.views.simclr(28, area=(0.3, 1.0))
dataset = kcs.data.multi_view("fashion_mnist", views=views, batch_size=256, limit=100)

accuracy: float = kcs.evaluation.knn_accuracy(z1, labels, z2, labels, k=5)
accuracy = kcs.evaluation.linear_probe(z1, labels, z2, labels)
features: np.ndarray = kcs.evaluation.embed(encoder, z1)

bundle = kcs.export.export_bundle(encoder, "bundle", formats=("onnx",), opset=17)
folder: str = bundle.name
names: list[str] = [entry.name for entry in kcs.zoo.list_models()]
path = kcs.zoo.download("quickstart-fashion-mnist", format="onnx", cache_dir=folder)
size: int = path.stat().st_size
