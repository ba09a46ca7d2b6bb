"""Where is the support's point in a query, and how often is it found (LDL sections 5.2 and 6.3)?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ldl.errors import ConfigError, DataError
from ldl.localize.matchers import (
    Embedder,
    EmbeddingMatcher,
    Matcher,
    Point,
    as_image,
    check_point,
    is_blank,
    window_for,
)
from ldl.localize.peak import Localization, read_map
from ldl.rng import numpy_generator
from ldl.runs.localize import FACTORS, SIGMA

SUPPORTS = 10
Result = dict[str, Any]


def localize(
    embedder: Embedder,
    support: Any,
    point: Point,
    query: Any,
    *,
    window: float,
    sigma: float | None = SIGMA,
) -> Localization:
    """Find the support's point by centre-sensitive embeddings (Eq. 26, 35), as `find` does.

    Args:
        embedder: any callable (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors.
        sigma: of Eq. 24; None averages evenly (variants without ``cs``).
    """
    return find(EmbeddingMatcher(embedder, sigma=sigma), support, point, query, window=window)


def find(
    matcher: Matcher, support: Any, point: Point, query: Any, *, window: float
) -> Localization:
    """Find the support's point in the query.

    Coordinates are (row, column) in pixels with the first pixel's centre at (0.0, 0.0). A query of
    another size is taken for the same field of view at another sampling: the map and the answer are
    in its own pixels, and the window grows or shrinks with its rows and columns. A blank support or
    query has a "flat" map.

    Args:
        matcher: `EmbeddingMatcher`, `TemplateMatcher` or another.
        support: (C, H, W) uint8 0..255 or float 0..1, tensor or array.
        point: row, column in the support, within its pixels.
        query: (C, H', W') like ``support``.
        window: side of the window in pixels of the support, 2 to its smaller side.
    """
    given, asked = as_image(support, "support"), as_image(query, "query")
    if given.shape[0] != asked.shape[0]:
        raise DataError(
            f"query has {asked.shape[0]} channel(s) and the support {given.shape[0]}; "
            "use images of one kind"
        )
    size, other = (given.shape[1], given.shape[2]), (asked.shape[1], asked.shape[2])
    place = check_point(point, size)
    inner, outer = window_for(window, size, size), window_for(window, size, other)
    target = matcher.target(given, place, inner)
    similarity: np.ndarray = matcher.maps([target], asked, outer)[0]
    return read_map(similarity, outer, blank=blank_reason(is_blank(given), is_blank(asked)))


def blank_reason(support: bool, query: bool) -> str:
    """Why a map says nothing, or an empty text."""
    return "the support is blank" if support else "the query is blank" if query else ""


def draw_supports(total: int, *, count: int = SUPPORTS, seed: int = 0) -> list[int]:
    """Rows of ``count`` different support images, drawn from ``seed``, in ascending order."""
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
) -> list[Result]:
    """Each support against all other images (LDL 6.3); a query is embedded once for all supports.

    Args:
        images: (N, C, H, W) uint8, all of one size.
        points: (N, 2) true row, column in pixels, the first pixel's centre at (0.0, 0.0).
        window: side in pixels of these images.
        supports: rows of the support images, e.g. of `draw_supports`.

    Returns:
        one `support_result` a support, in the order of ``supports``.
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
    answers: list[list[tuple[str, float, float, str]]] = [[] for _ in supports]
    for query in tqdm(range(len(images)), desc="queries", unit="image", disable=not progress):
        asked = as_image(images[query], names[query])
        nothing = is_blank(asked)
        maps = matcher.maps(targets, asked, sides)
        for place, row in enumerate(supports):
            if row == query:
                continue
            found = read_map(maps[place], sides, blank=blank_reason(blank[place], nothing))
            distance = float(np.hypot(*np.subtract(found.guess, truths[query])))  # Eq. 36
            answers[place].append((names[query], distance, found.sharpness, found.status))
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


def accuracy(
    distances: Sequence[float] | np.ndarray, window: float, factors: Sequence[float] = FACTORS
) -> tuple[float, ...]:
    """Share of distances (pixels) below each factor x window, 0..1 (LDL section 6.3.2).

    NaN or infinity is a miss.
    """
    if not window > 0:
        raise ConfigError(f"window is {window} pixels; it must be above 0")
    values = np.asarray(distances, dtype=np.float64)
    if values.size == 0:
        raise DataError("accuracy: no distances given")
    return tuple(float((values < factor * window).mean()) for factor in factors)


def support_result(
    support: str,
    answers: Sequence[tuple[str, float, float, str]],
    window: float,
    factors: Sequence[float] = FACTORS,
) -> Result:
    """One support against all others, ``answers`` (query, pixels, sharpness, status), for a record.

    ``accuracy`` is the paper's: the guess counts whatever the map looks like; in ``accuracy_found``
    an answer that is not "found" is a miss. Errors are distances (Eq. 36), in pixels and windows.
    Lists ``..._of`` have an entry a query, the support left out.
    """
    names = ("query_of", "distance_of", "sharpness_of", "status_of")
    columns = {
        name: list(each) for name, each in zip(names, zip(*answers, strict=True), strict=True)
    }
    distances = np.array(columns["distance_of"], dtype=np.float64)
    found = np.array(columns["status_of"]) == "found"
    plain = accuracy(distances, window, factors)
    return {
        "support": support,
        "window": float(window),
        "factors": list(factors),
        "accuracy": list(plain),
        "accuracy_found": list(accuracy(np.where(found, distances, np.inf), window, factors)),
        "mean_accuracy": float(np.mean(plain)),
        "mean_error": float(distances.mean()),
        "mean_error_windows": float(distances.mean() / window),
        "found": float(found.mean()),
        **columns,
    }
