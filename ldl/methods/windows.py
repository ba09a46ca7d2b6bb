"""Pd+mix for one-shot localization: windows of random size in place of the grid's cells.

LDL sections 5.2 and 6.3.1, Eq. 24-25: ``ms`` is their size, ``cs`` their centre-sensitive weights.
"""

import torch
from torch import Generator, Tensor, nn

from ldl.data.sampling import undo_symmetry
from ldl.data.views import ViewPair
from ldl.losses.patch import mixup_images, mixup_target
from ldl.losses.vectors import draw_window, window_vectors
from ldl.methods.base import Losses, Method, mix_weights, recognised
from ldl.rng import sent
from ldl.runs.localize import SIGMA
from ldl.runs.pretrain import PretrainConfig


def drawn_windows(total: int, most: int, generator: Generator) -> Tensor:
    """Which of ``total`` windows enter the loss: (min(total, most),) int64, row-major numbers.

    A window of a sixteenth of the crop divides it into 256, and the similarity matrix grows with
    the square of their number. The paper names no limit.
    """
    if total <= most:
        return torch.arange(total)
    return torch.randperm(total, generator=generator)[:most]


class MultiSizePooling(Method):
    """Pd+mix over windows of 28 to 112 of 448 pixels: structures differ in size.

    Windows that do not divide the crop leave its last rows and columns out, so it is the second
    view's pixels that are turned back, before they are pooled. At most ``config.patch_grid``
    squared windows of an image count, the same places in both views and in the mixed image.
    """

    title = "Pd+mix+ms"
    paper = "LDL, Eq. 3-8, 13-18, section 6.3.1"
    level = "patch"
    sigma: float | None = None  # of Eq. 24; without it every pixel of a window counts the same

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd + L_Hm over windows of one random size, the same for all images of the step."""
        weight = mix_weights(len(views.first) // 2, generator, config.formulation)
        size = draw_window(config.crop, generator)
        mixed = mixup_images(views.first[0::2], views.first[1::2], weight)
        embedding, _ = net(torch.cat([views.first, views.second, mixed]))
        first, second, virtual = embedding.split([len(views.first), len(views.second), len(mixed)])
        second = undo_symmetry(second, views.symmetry)
        kept = drawn_windows((config.crop // size) ** 2, config.patch_grid**2, generator)
        kept = sent(kept, first)
        first, second, virtual = (
            window_vectors(maps, size, sigma=self.sigma)[:, kept]
            for maps in (first, second, virtual)
        )
        target = mixup_target(first[0::2], first[1::2], weight)
        return {
            "patch": recognised(second, first, config),
            "mixup": recognised(virtual, target, config),
        }


class CentreSensitivePooling(MultiSizePooling):
    """Pd+mix+ms whose windows stand for their centres: weighted by Eq. 24, sigma 0.5."""

    title = "Pd+mix+ms+cs"
    paper = "LDL, Eq. 3-8, 13-18, 24-25"
    sigma = SIGMA
