"""What the ends of an exported encoder are called, in every format that names them."""

INPUT = "images"
OUTPUT = "features"
