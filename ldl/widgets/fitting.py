"""What images, names, landmarks and networks of a scene must have in common."""

from collections.abc import Mapping, Sequence

from numpy.typing import NDArray
from torch import Tensor

from ldl.errors import ConfigError, DataError
from ldl.localize import EmbeddingMatcher


def check(
    images: Sequence[Tensor],
    names: Sequence[str],
    landmarks: Mapping[str, NDArray],
    matchers: Mapping[str, EmbeddingMatcher],
) -> None:
    """Refuse what does not fit, with the arguments of :func:`ldl.widgets.scene.scene`.

    Raises:
        ConfigError: no matcher.
        DataError: fewer than two images or of differing channels, or names or landmarks of another
            number.
    """
    if len(images) < 2 or len({len(one) for one in images}) != 1:
        raise DataError(f"{len(images)} images; give a support and queries, all of one kind")
    if len(names) != len(images):
        raise DataError(f"{len(names)} names for {len(images)} images")
    for name, points in landmarks.items():
        if points.shape != (len(images), 2):
            raise DataError(f"landmark {name!r} has shape {points.shape}; ({len(images)}, 2)")
    if not matchers:
        raise ConfigError("no matchers; give at least one network")
