"""Images of folders and NumPy files, found and read without TensorFlow.

`listing` says which images there are (`kcs.data` lists by it, too), `reading` decodes one with
Pillow, `sources` goes through all of them.
"""
