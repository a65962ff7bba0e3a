"""Folder, zip, idx, npz or array to one `ImageSet`; copies, the split, the cache, and toys of known shape."""

from imatlas.images.cache import read_cache, write_cache
from imatlas.images.decode import parse_ground
from imatlas.images.digits import digits
from imatlas.images.duplicates import find_duplicates
from imatlas.images.matrices import read_matrix
from imatlas.images.matrix_files import is_matrix_file
from imatlas.images.read import read_image, read_images
from imatlas.images.resolution import RESIZE_RULE, check_resolution
from imatlas.images.split import split_images
from imatlas.images.toys import moving_shape, swiss_roll

__all__ = [
    "RESIZE_RULE",
    "check_resolution",
    "digits",
    "find_duplicates",
    "is_matrix_file",
    "moving_shape",
    "parse_ground",
    "read_cache",
    "read_image",
    "read_images",
    "read_matrix",
    "split_images",
    "swiss_roll",
    "write_cache",
]
