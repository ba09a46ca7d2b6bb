"""The localization widget on one's own images and encoders, in a running notebook."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldl.data.picture import picture
from ldl.engine.store import RunStore
from ldl.errors import LdlError
from ldl.own import finder
from ldl.own.locate import point_inside
from ldl.widgets import scene
from ldl.widgets.live import LocalizationWidget


def localization_widget(
    encoders: str | Path | Mapping[str, str | Path],
    support: str | Path,
    queries: Sequence[str | Path],
    *,
    point: tuple[float, float] | None = None,
    window: float = 64.0,
    features: bool = False,
) -> LocalizationWidget:
    """Pick a point of ``support`` with the mouse, a finger or the arrow keys, and see the queries.

    Points of the widget are (row, column) in the squares that the networks see.

    Args:
        encoders: a file that `ldl pretrain` wrote or the id of a run; or several by label, all of
            one modality and image size.
        support: an image file.
        queries: at least one other image file.
        point: (row, column) in pixels of the support's file where to begin; its middle if None.
        window: its side in pixels of a 512-pixel image, as in `ldl localize`.
        features: compare raw features of the encoders.

    Raises:
        LdlError: an encoder, an image or the point cannot be used; the line says which and why.
    """
    named = encoders if isinstance(encoders, Mapping) else {Path(encoders).stem: encoders}
    found = {label: finder.trained(str(name), RunStore()) for label, name in named.items()}
    kinds = {(one.config.modality, one.config.data.size) for one in found.values()}
    if len(kinds) != 1:
        raise LdlError(f"encoders of {len(kinds)} kinds {sorted(kinds)}; name those of one kind")
    ((modality, size),) = kinds
    side = finder.scaled_window(window, size)
    pictures = [picture(Path(path), modality, size) for path in (support, *queries)]
    made = scene(
        modality,
        [one.square for one in pictures],
        {
            label: finder.matcher_for(one, side, features=features, device="cpu")
            for label, one in found.items()
        },
        window=side,
        start=None if point is None else point_inside(pictures[0], point),
        names=[one.path.name for one in pictures],
        words="Your own images.",
        notes={label: f"Encoder: {one.config.method}." for label, one in found.items()},
    )
    return LocalizationWidget(made)
