"""One picture of what the methods contrast: two views of a phantom, and another phantom."""

import textwrap

import numpy as np
import torch
from numpy.typing import NDArray

from ldl.data.symmetry import apply_symmetry
from ldl.data.views import ViewPair, draw_views
from ldl.losses.correspondence import correspondence
from ldl.phantoms import pretraining_image
from ldl.plots.levels import Level, Part
from ldl.report.examples import displayed
from ldl.report.family import Member, members
from ldl.report.networks import Encoder
from ldl.rng import generator

SIDE, GRID, MARGIN, LINE = 128, 8, 4, 56
ELSEWHERE = (20, 42)
NAMES = ("a view", "its other view", "another image")
WHOLE = (MARGIN, MARGIN, SIDE - 2 * MARGIN, SIDE - 2 * MARGIN)
# The picture's rows, by the levels that classes name.
ROWS = {
    "image": ("image",),
    "pixel": ("image and pixel", "pixel"),
    "patch": ("patch",),
    "region": ("region",),
}


def levels(dense: Encoder, seed: int) -> list[Level]:
    """Image, pixel, patch and region on one pair of fundus phantoms.

    Args:
        dense: a DenseCL encoder; it chooses the cell that looks most like the anchor.
        seed: of phantoms and views.
    """
    drawn = [pretraining_image("fundus", number, size=SIDE, seed=seed) for number in range(2)]
    images = torch.from_numpy(np.stack([image for image, _ in drawn]))
    views = draw_views(images, SIDE, "rotations", generator(seed, "scene"))
    first, second = displayed(views.first), displayed(views.second)
    pictures = [first[0], second[0], first[1]]
    disc, vessels = (
        _warped(views, np.stack([masks[name] for _, masks in drawn])) for name in ("od", "vessel")
    )
    anchor = _busiest(first[0])
    turned = apply_symmetry(torch.arange(GRID**2).view(1, GRID, GRID), views.symmetry[:1])
    place = turned.flatten().tolist().index(anchor)
    likest = _likest(dense, pictures, anchor)
    parts = {
        "image": [[Part(WHOLE)], [Part(WHOLE)], [Part(WHOLE, same=False)]],
        "pixel": [[Part(cell(anchor))], [Part(cell(likest))], [Part(WHOLE, same=False)]],
        "patch": [
            [Part(cell(anchor)), Part(cell(GRID**2 - 1 - anchor), same=False)],
            [Part(cell(place))],
            [Part(cell(each), same=False) for each in ELSEWHERE],
        ],
        "region": [
            [Part(disc[0])],
            [Part(disc[1])],
            [Part(disc[2]), Part(vessels[2], same=False)],
        ],
    }
    return [
        Level(title(row), pictures, NAMES, parts[row], GRID if row == "patch" else 0)
        for row in ROWS
    ]


def title(row: str) -> str:
    """The row's level and the methods of that level, in lines that fit over the pictures."""
    names = [each.title for each in of_row(row)]
    return textwrap.fill(f"{row}: {', '.join(names)}", LINE)


def of_row(row: str) -> list[Member]:
    """The methods that a row of the picture stands for."""
    return [each for each in members() if each.level in ROWS[row] and each.trains]


def cell(index: int) -> tuple[float, float, float, float]:
    """A cell of the grid as a box in pixels."""
    row, column = divmod(index, GRID)
    side = SIDE / GRID
    return column * side, row * side, side, side


def _busiest(image: NDArray) -> int:
    """The cell off the border in which brightness varies most."""
    side = SIDE // GRID
    cells = image.mean(axis=0).reshape(GRID, side, GRID, side).std(axis=(1, 3))
    inner = np.full_like(cells, -1.0)
    inner[2:-2, 2:-2] = cells[2:-2, 2:-2]
    return int(inner.argmax())


def _likest(dense: Encoder, pictures: list[NDArray], anchor: int) -> int:
    """The other view's cell whose features are most like the anchor's, as DenseCL chooses it."""
    deepest = dense.features(torch.from_numpy(np.stack(pictures[:2])))[-1]
    query, key = deepest.flatten(2).transpose(1, 2)
    return int(correspondence(query[None], key[None])[0, anchor])


def _warped(views: ViewPair, masks: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """(2, H, W) masks as they lie in the three pictures."""
    values = torch.from_numpy(masks[:, None].astype(np.float32))
    one = views.first_affine.sample(values, SIDE, mode="nearest")
    two = views.second_affine.sample(values, SIDE, mode="nearest")
    two = apply_symmetry(two, views.symmetry)
    return [(each[0] > 0.5).numpy() for each in (one[0], two[0], one[1])]
