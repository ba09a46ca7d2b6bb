"""The widgets in a running notebook: the page's own modules, their state in Python."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from ldl.data.ct import CtBank
from ldl.data.preprocess import picture
from ldl.data.superpixels import RegionBank
from ldl.engine.store import RunStore
from ldl.errors import LdlError
from ldl.localize import Point
from ldl.own import finder
from ldl.own.locate import point_inside
from ldl.widgets.packing import module, style, text_of
from ldl.widgets.scene import Scene, payload, scene
from ldl.widgets.slices import SliceStack, slice_facts, stack_of


class Live(anywidget.AnyWidget):
    """A widget whose page module is given one JSON value."""

    _css = style()
    given = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        """What a front end shows that knows no widgets."""
        name = type(self).__name__
        return f"[{name}: to see it, install anywidget and ipywidgets beside JupyterLab]"


class LocalizationWidget(Live):
    """A point of the support, searched in the queries; each trait may be read and set.

    Attributes:
        point: (row, column) in pixels of the support.
        window: its side in pixels of the support.
        variant: label of the network in use.
        found: one answer a query: query, status, point (None unless found), guess, similarity,
            sharpness; empty until the widget is shown.
    """

    _esm = module("localization", live=True)
    point = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)
    window = traitlets.Float().tag(sync=True)
    variant = traitlets.Unicode().tag(sync=True)
    found = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, scene: Scene, **more: Any) -> None:
        """Show one scene; ``more`` are traits to begin with."""
        self.labels = [one.label for one in scene.variants]
        self.size: Point = (scene.images[0].shape[1], scene.images[0].shape[2])
        self.windows = scene.windows
        begun = {"point": list(scene.start), "window": scene.window}
        begun["variant"] = self.labels[scene.opens]
        super().__init__(given=text_of(payload([scene])), **(begun | more))

    @traitlets.validate("variant")
    def _known(self, proposal: Any) -> str:
        if proposal["value"] not in self.labels:
            raise traitlets.TraitError(f"variant must be one of {', '.join(self.labels)}")
        return str(proposal["value"])

    @traitlets.validate("window")
    def _in_range(self, proposal: Any) -> float:
        least, most = self.windows
        if not least <= proposal["value"] <= most:
            raise traitlets.TraitError(f"window must lie between {least:g} and {most:g} pixels")
        return float(proposal["value"])

    @traitlets.validate("point")
    def _inside(self, proposal: Any) -> list[float]:
        if not all(-0.5 <= x <= n - 0.5 for x, n in zip(proposal["value"], self.size, strict=True)):
            raise traitlets.TraitError(f"point must lie within {self.size} pixels")
        return list(proposal["value"])


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


class SliceWidget(Live):
    """The volumes of a bank of CT slices, slice by slice; only what is in sight is read and sent.

    Attributes:
        volume: id of the volume in sight; may be set.
    """

    _esm = module("slices", live=True)
    volumes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    volume = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        bank: CtBank,
        *,
        predictions: Mapping[str, np.ndarray] | None = None,
        regions: RegionBank | None = None,
    ) -> None:
        """Open the first volume.

        Args:
            bank: slices of any region, labelled or not.
            predictions: volume's id -> (Z, H, W) uint8 labels.
            regions: superpixels of the bank.

        Raises:
            DataError: superpixels of other slices, or a prediction that does not fit.
        """
        self._bank, self._predictions, self._regions = bank, predictions or {}, regions
        names = [one.id for one in bank.volumes]
        self._stack = self._opened(names[0])
        super().__init__(volumes=names, volume=names[0], given=text_of(slice_facts(self._stack)))
        self.on_msg(self._asked)

    def _opened(self, volume: str) -> SliceStack:
        prediction = self._predictions.get(volume)
        return stack_of(self._bank, volume, prediction=prediction, regions=self._regions)

    @traitlets.observe("volume")
    def _open(self, change: Any) -> None:
        # While the widget is made its first volume is open already.
        if change["old"]:
            self._stack = self._opened(change["new"])
            self.given = text_of(slice_facts(self._stack))

    def _asked(self, _: Any, content: dict[str, Any], __: Any) -> None:
        """Send the layers of one slice, if it is of the volume in sight."""
        if content.get("volume") == self.volume:
            arrays = self._stack.arrays(content["z"])
            told = {"volume": self.volume, "z": content["z"], "layers": [*arrays]}
            self.send(told, [one.tobytes() for one in arrays.values()])
