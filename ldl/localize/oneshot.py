"""One support image with one point, one query: where is that point in the query?"""

from typing import Any

import numpy as np

from ldl.errors import DataError
from ldl.localize.baselines import TemplateMatcher
from ldl.localize.images import Point, as_image, check_point, is_blank, window_for
from ldl.localize.matchers import Embedder, EmbeddingMatcher, Matcher
from ldl.localize.peak import Localization, read_map
from ldl.runs.localize import SIGMA


def localize(
    embedder: Embedder,
    support: Any,
    point: Point,
    query: Any,
    *,
    window: float,
    sigma: float | None = SIGMA,
) -> Localization:
    """Find the support's point in the query by centre-sensitive embeddings (Eq. 26, 35).

    Coordinates are (row, column) in pixels with the first pixel's centre at (0.0, 0.0). A point
    near the border has a kernel that is cut there and weighted anew. A query of another size is
    taken for the same field of view at another sampling: the map and the answer are in its own
    pixels, and the window grows or shrinks with its rows and columns. A blank support or query has
    a "flat" map.

    Args:
        embedder: any callable (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors.
        support: (C, H, W) uint8 0..255 or float 0..1, tensor or array.
        point: row, column in the support, within its pixels.
        query: (C, H', W') like ``support``.
        window: side of the window in pixels of the support, 2 to its smaller side.
        sigma: of Eq. 24; None averages evenly (variants without ``cs``).

    Raises:
        ConfigError: point outside the support, or window out of range.
        DataError: shapes, channels or values that do not fit, NaN among them.
    """
    return find(EmbeddingMatcher(embedder, sigma=sigma), support, point, query, window=window)


def match_template(support: Any, point: Point, query: Any, *, window: float) -> Localization:
    """The same by normalised cross-correlation of the support's window; arguments as there."""
    return find(TemplateMatcher(), support, point, query, window=window)


def find(
    matcher: Matcher, support: Any, point: Point, query: Any, *, window: float
) -> Localization:
    """The same with any matcher; arguments and errors as in :func:`localize`."""
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
