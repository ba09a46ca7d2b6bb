"""Phantoms: fundus photographs and chest films drawn from a seed, with exact masks and no files.

They are for the embedded default and for tests. What is measured on them is no evidence about real
images.
"""

from .fingerprint import fingerprint
from .tasks import pretraining_images, shape_prior, task_images

__all__ = ["fingerprint", "pretraining_images", "shape_prior", "task_images"]
