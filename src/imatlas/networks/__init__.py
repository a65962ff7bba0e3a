"""Torch parts that the rooms share: pixels to images, condition embedding, transformer, convolutions, residual MLP."""
