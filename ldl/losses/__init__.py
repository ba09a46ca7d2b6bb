"""The papers' losses: pure functions of tensors, one idea a file.

Shapes that do not fit each other, or a number or name out of range, are a `ConfigError`.
"""

from ldl.losses.dice import dice_loss
from ldl.losses.local_region import local_region_contrast
from ldl.losses.patch import mixup_images, mixup_target, patch_discrimination
from ldl.losses.region import cluster_entropy, region_discrimination
from ldl.losses.vectors import patch_vectors, region_vectors
from ldl.sphere import unit
