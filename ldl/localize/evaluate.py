"""Every support image against every query, in one pass over the queries."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ldl.errors import ConfigError, DataError
from ldl.localize.images import as_image, check_point, is_blank, window_for
from ldl.localize.matchers import Matcher
from ldl.localize.oneshot import blank_reason
from ldl.localize.peak import read_map
from ldl.localize.scores import FACTORS, Answer, SupportResult, answered, support_result
from ldl.rng import numpy_generator

SUPPORTS = 10


def draw_supports(total: int, *, count: int = SUPPORTS, seed: int = 0) -> list[int]:
    """Rows of ``count`` different support images, drawn from ``seed``, in ascending order.

    Raises:
        ConfigError: fewer than ``count`` images, or none left to query.
    """
    if not 1 <= count <= total or total < 2:
        raise ConfigError(f"{count} supports of {total} images; draw 1 to {total}, of at least 2")
    drawn = numpy_generator(seed, "supports").choice(total, count, replace=False)
    return sorted(int(row) for row in drawn)


def evaluate(
    matcher: Matcher,
    images: np.ndarray,
    points: np.ndarray,
    *,
    window: float,
    supports: Sequence[int],
    ids: Sequence[str] | None = None,
    factors: Sequence[float] = FACTORS,
    progress: bool = False,
) -> list[SupportResult]:
    """Each support against all other images (LDL 6.3); a query is embedded once for all supports.

    Args:
        matcher: `EmbeddingMatcher`, `TemplateMatcher` or another.
        images: (N, C, H, W) uint8, all of one size.
        points: (N, 2) true row, column in pixels, the first pixel's centre at (0.0, 0.0).
        window: side in pixels of these images.
        supports: rows of the support images, e.g. of :func:`draw_supports`.
        ids: names of the images; their numbers by default.
        factors: of the accuracies.
        progress: show a bar.

    Returns:
        one result a support, in the order of ``supports``.

    Raises:
        ConfigError: the window or a support is out of range, or a truth outside its image.
        DataError: images and truths do not fit each other, or values are not finite.
    """
    names = [str(row) for row in range(len(images))] if ids is None else list(ids)
    _check(images, points, names, supports)
    size = (int(images.shape[2]), int(images.shape[3]))
    sides = window_for(window, size, size)
    truths = [check_point((float(row), float(column)), size) for row, column in points]
    given = [as_image(images[row], names[row]) for row in supports]
    blank = [is_blank(one) for one in given]
    targets: list[Any] = [
        matcher.target(one, truths[row], sides) for one, row in zip(given, supports, strict=True)
    ]
    answers: list[list[Answer]] = [[] for _ in supports]
    for query in tqdm(range(len(images)), desc="queries", unit="image", disable=not progress):
        asked = as_image(images[query], names[query])
        nothing = is_blank(asked)
        maps = matcher.maps(targets, asked, sides)
        for place, row in enumerate(supports):
            if row == query:
                continue
            found = read_map(maps[place], sides, blank=blank_reason(blank[place], nothing))
            answers[place].append(answered(names[query], found, truths[query]))
    return [
        support_result(names[row], some, window, factors)
        for row, some in zip(supports, answers, strict=True)
    ]


def _check(
    images: np.ndarray, points: np.ndarray, names: Sequence[str], supports: Sequence[int]
) -> None:
    if images.ndim != 4 or len(images) < 2:
        raise DataError(f"images {images.shape} must be (N, C, H, W) with N of at least 2")
    if np.shape(points) != (len(images), 2) or len(names) != len(images):
        raise DataError(
            f"{len(images)} images, points {np.shape(points)} and {len(names)} ids do not fit; "
            "give a row and column for each image"
        )
    if not supports or not all(0 <= row < len(images) for row in supports):
        raise ConfigError(f"supports {list(supports)} must be rows of the {len(images)} images")
