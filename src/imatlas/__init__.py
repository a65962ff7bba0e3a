"""imatlas learns the manifold that a set of images lies on and uses it to generate new images."""

__version__ = "0.1.0"
