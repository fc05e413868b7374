"""All layers of a model, those inside others too."""

import keras


def all_layers(model):
    """`model` and every layer in it, however deep, each once and outer ones first.

    Layers in a model are those of its `layers`; layers in a layer are what its attributes hold,
    in lists, tuples and dicts too.
    """
    found = {}

    def visit(layer):
        if id(layer) in found:
            return
        found[id(layer)] = layer
        inner = layer.layers if isinstance(layer, keras.Model) else vars(layer).values()
        for part in keras.tree.flatten(list(inner)):
            if isinstance(part, keras.layers.Layer):
                visit(part)

    visit(model)
    return list(found.values())
