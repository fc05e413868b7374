"""Images of folders and NumPy files, found and read without TensorFlow.

`listing` says which images there are, `decoding` makes one pixels with Pillow, `arrays` opens files
of arrays: `kcs.data` stands on these three, too. `reading` brings an image to a size, `sources`
goes through all of them.
"""
