"""Phantoms: fundus photographs, chest films and CT volumes drawn from a seed, with exact masks.

They are for the embedded default and for tests. What is measured on them is no evidence about real
images or patients.
"""

from ldl.phantoms.ct import ORGANS, volumes
from ldl.phantoms.tasks import (
    landmarks,
    lesion_share,
    pretraining_image,
    pretraining_images,
    shape_prior,
    task_images,
)
