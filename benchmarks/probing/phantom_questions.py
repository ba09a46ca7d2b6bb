"""The questions of `benchmarks.probing.asked`, put to a frozen encoder on phantoms it never saw."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.probing.probes import Answers, deepest, explained, recognised
from ldl.data.colour import normalise, to_float
from ldl.data.prepare import phantom_grade
from ldl.data.recipes import INSTANCE, draw_view
from ldl.data.sampling import boxes
from ldl.methods.genesis import Genesis, spoil
from ldl.methods.relative_location import without_green
from ldl.models.backbones import pooled
from ldl.phantoms import pretraining_image
from ldl.rng import generator

EYES, UNSEEN = 640, 99
# Side of a patch over the eye's, patches an eye, their side in the network, in pixels.
PATCH, PATCHES, PATCH_PIXELS = 0.36, 4, 32
QUARTERS, CELLS = 2, 4


@dataclass(frozen=True)
class Eyes:
    """Fundus phantoms that no training has seen.

    Attributes:
        images: (N, 3, S, S) uint8.
        disc: (N, 2) float64, its centre's row and column in -1..1; NaN where none shows.
        grade: (N,) float64, 0 to 4.
        crop: side of a view in pixels.
    """

    images: Tensor
    disc: Tensor
    grade: Tensor
    crop: int


def draw_eyes(count: int = EYES, *, size: int, crop: int) -> Eyes:
    """The first ``count`` of them, the same for all methods and seeds."""
    drawn = [pretraining_image("fundus", number, size=size, seed=UNSEEN) for number in range(count)]
    images = torch.from_numpy(np.stack([image for image, _ in drawn]))
    discs = torch.from_numpy(np.stack([masks["od"] for _, masks in drawn])).double()
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    # No pixel of a disc: 0 / 0 is NaN, as promised.
    sums = [(discs * line).sum((1, 2)) / discs.sum((1, 2)) for line in (axis[:, None], axis)]
    grade = torch.tensor([phantom_grade(UNSEEN, number) for number in range(count)]).double()
    return Eyes(images, torch.stack(sums, dim=1), grade, crop)


def _cells(maps: Tensor, side: int) -> Tensor:
    """(N, K, h, w) -> (N, side * side, K)."""
    return F.adaptive_avg_pool2d(maps, side).flatten(2).transpose(1, 2)


def _which_eye(encoder: nn.Module, eyes: Eyes) -> Answers:
    draw = generator(0, "learned", "eye")
    views = [draw_view(eyes.images, eyes.crop, INSTANCE, draw).image for _ in range(2)]
    first, second = (pooled([deepest(encoder, view)]) for view in views)
    return recognised(first, second)


def _where_disc(encoder: nn.Module, eyes: Eyes) -> Answers:
    """A quarter turn of `torch.rot90` takes row r, column c to row -c, column r."""
    shown = ~eyes.disc.isnan().any(dim=1)
    images, places = eyes.images[shown], eyes.disc[shown]
    turns = torch.randint(4, (len(images),), generator=generator(0, "learned", "disc"))
    turned = [torch.rot90(image, int(n), (-2, -1)) for image, n in zip(images, turns, strict=True)]
    for number in range(1, 4):
        later = torch.stack([-places[:, 1], places[:, 0]], dim=1)
        places = torch.where((turns >= number)[:, None], later, places)
    maps = deepest(encoder, normalise(to_float(torch.stack(turned))))
    return explained(_cells(maps, QUARTERS).flatten(1)[:, None], places[:, None])


def _which_place(encoder: nn.Module, eyes: Eyes) -> Answers:
    draw, count = generator(0, "learned", "place"), len(eyes.images)
    centres = (2 * torch.rand(count * PATCHES, 2, generator=draw) - 1) * (1 - PATCH)
    box = boxes(torch.full((len(centres),), PATCH), centres)
    images = without_green(to_float(eyes.images)).repeat_interleave(PATCHES, dim=0)
    maps = deepest(encoder, normalise(box.sample(images, PATCH_PIXELS)))
    features = _cells(maps, QUARTERS).flatten(1)
    return explained(
        features.unflatten(0, (count, PATCHES)), centres.double().unflatten(0, (count, PATCHES))
    )


def _which_grade(encoder: nn.Module, eyes: Eyes) -> Answers:
    features = pooled([deepest(encoder, normalise(to_float(eyes.images)))])
    return explained(features[:, None], eyes.grade[:, None, None])


def _what_was_there(encoder: nn.Module, eyes: Eyes) -> Answers:
    whole = to_float(eyes.images)
    knobs = Genesis.Knobs(intensity=1.0, shuffle=1.0, paint=1.0)
    spoilt = spoil(whole, knobs, generator(0, "learned", "clean"))
    features = _cells(deepest(encoder, normalise(spoilt)), CELLS)
    return explained(features, _cells(whole.double(), CELLS))


ANSWER: dict[str, Callable[[nn.Module, Eyes], Answers]] = {
    "eye": _which_eye,
    "disc": _where_disc,
    "place": _which_place,
    "grade": _which_grade,
    "clean": _what_was_there,
}
