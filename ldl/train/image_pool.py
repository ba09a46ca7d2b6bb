"""Earlier translations that a discriminator is shown again (Zhu et al. 2017, section 4)."""

import torch
from torch import Generator, Tensor


class ImagePool:
    """Keeps up to ``size`` images; a full pool gives an old one for a new one every second time.

    Args:
        size: 50 in the original; 0 gives back what it is given.
        generator: on the CPU.
    """

    def __init__(self, size: int, generator: Generator) -> None:
        self.size, self.generator = size, generator
        self.images: list[Tensor] = []

    def swap(self, images: Tensor) -> Tensor:
        """(B, C, H, W) new images -> as many, some of them old, without gradient."""
        return torch.stack([self._one(image) for image in images.detach()])

    def _one(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if not self.size or torch.rand(1, generator=self.generator).item() < 0.5:
            return image
        place = int(torch.randint(self.size, (1,), generator=self.generator))
        old, self.images[place] = self.images[place], image
        return old

    def state(self) -> dict[str, Tensor]:
        """The images; nothing where there is none."""
        return {"images": torch.stack(self.images)} if self.images else {}

    def restore(self, state: dict[str, Tensor], device: torch.device) -> None:
        """Put :meth:`state` back on ``device``."""
        self.images = list(state["images"].to(device)) if state else []
