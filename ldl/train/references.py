"""Reference masks drawn anew for every step, augmented as images are (LDL section 6.2.1)."""

import torch
from torch import Generator, Tensor

from ldl.data.sampling import random_affine
from ldl.data.shape_prior import ShapePrior
from ldl.data.views import BASE_DEGREES, CROP_AREA


class References:
    """The masks of a prior on the device.

    Args:
        prior: the masks.
        crop: side of what is drawn, in pixels.
        generator: on the CPU; its state is the caller's to keep.
        device: where the masks are wanted.
    """

    def __init__(
        self, prior: ShapePrior, crop: int, generator: Generator, device: torch.device
    ) -> None:
        self.masks = torch.from_numpy(prior.masks).float().div(255).to(device)
        self.crop, self.generator = crop, generator

    def draw(self, count: int) -> Tensor:
        """(count, 1, crop, crop) float in 0..1, with replacement: flips, turns and crops.

        The same as an image's: any turn, 0.9 to 1 of the area; outside the mask is 0.
        """
        rows = torch.randint(len(self.masks), (count,), generator=self.generator)
        affine = random_affine(
            count, degrees=BASE_DEGREES, area=CROP_AREA, generator=self.generator
        )
        return affine.sample(self.masks[rows.to(self.masks.device)], self.crop)
