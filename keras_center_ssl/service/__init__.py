"""Embedding service: exported encoders behind HTTP, with ONNX Runtime and without Keras.

`app.create_app` makes the application, `serving.serve` runs it: `center-ssl serve`.
"""
