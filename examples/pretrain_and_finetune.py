"""Pretrain on a folder of images, then fine-tune on some masks: ldl's parts in plain torch.

python examples/pretrain_and_finetune.py IMAGES MASKS     # masks: same names, white where it is
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ldl.data.views import draw_labelled, draw_views
from ldl.losses import dice_loss, patch_discrimination
from ldl.methods.base import paired_patches
from ldl.models import LocalDiscriminationNet, SegmentationNet

SIZE, CROP, GRID, BATCH, BASE = 128, 112, 8, 8, 8


def read(folder: Path, mode: str) -> torch.Tensor:
    """(N, C, 128, 128) uint8."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg"))
    pictures = [np.asarray(Image.open(f).convert(mode).resize((SIZE, SIZE))) for f in files]
    return torch.from_numpy(np.stack(pictures)).reshape(len(files), SIZE, SIZE, -1).movedim(-1, 1)


def train(net: torch.nn.Module, loss_of_batch, count: int, steps: int, generator) -> list[float]:
    """Adam on random batches; the losses."""
    adam, losses = torch.optim.Adam(net.parameters(), lr=1e-3), []
    for _ in range(steps):
        loss = loss_of_batch(torch.randint(count, (BATCH,), generator=generator))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def main(images: Path, masks: Path, steps: int = 500) -> tuple[list[float], list[float]]:
    """Losses of both trainings, step by step."""
    generator = torch.Generator().manual_seed(0)
    pictures, truth = read(images, "RGB"), (read(masks, "L")[:, 0] > 127).to(torch.uint8)
    net, task = LocalDiscriminationNet(BASE), SegmentationNet(BASE)

    def recognise(rows: torch.Tensor) -> torch.Tensor:  # L_Pd, Eq. 3-8
        views = draw_views(pictures[rows], CROP, "rotations", generator)
        first, second = (net(view)[0] for view in (views.first, views.second))
        first, second = paired_patches(first, second, views.symmetry, GRID)
        return patch_discrimination(second.flatten(0, 1), first.flatten(0, 1), temperature=0.1)

    def segment(rows: torch.Tensor) -> torch.Tensor:  # Eq. 30
        turned, masks = draw_labelled(pictures[rows], truth[rows], generator)
        return dice_loss(task(turned), masks)

    pretraining = train(net, recognise, len(pictures), steps, generator)
    task.encoder.load_state_dict(net.encoder.state_dict())
    return pretraining, train(task, segment, len(pictures), steps, generator)


if __name__ == "__main__":
    for name, losses in zip(("patch", "Dice"), main(*map(Path, sys.argv[1:3])), strict=True):
        print(f"{name} loss {losses[0]:.2f} -> {losses[-1]:.2f}")
