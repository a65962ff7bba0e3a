"""Torch parts that the rooms share: condition embedding, patch transformer, convolutions, residual MLP."""
