"""The localization widget in a running notebook: the page's own module, its state in Python."""

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from ldl.localize import Point
from ldl.widgets.page import FOLDER, module, style
from ldl.widgets.payload import payload, text_of
from ldl.widgets.scene import Scene


class LocalizationWidget(anywidget.AnyWidget):
    """A point of the support, searched in the queries; each trait may be read and set.

    Attributes:
        point: (row, column) in pixels of the support.
        window: its side in pixels of the support.
        variant: label of the network in use.
        found: one answer a query: query, status, point (None unless found), guess, similarity,
            sharpness; empty until the widget is shown.
    """

    _esm = module("localization") + (FOLDER / "live.js").read_text(encoding="utf-8")
    _css = style()
    given = traitlets.Unicode().tag(sync=True)
    point = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)
    window = traitlets.Float().tag(sync=True)
    variant = traitlets.Unicode().tag(sync=True)
    found = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, scene: Scene, **more: Any) -> None:
        """Show one scene; ``more`` are traits to begin with."""
        self.labels: Sequence[str] = [one.label for one in scene.variants]
        self.size: Point = (scene.images[0].shape[1], scene.images[0].shape[2])
        self.windows = scene.windows
        start = {"point": list(scene.start), "window": scene.window, "variant": self.labels[-1]}
        super().__init__(given=text_of(payload([scene])), **(start | more))

    def __repr__(self) -> str:
        """What a front end shows that knows no widgets."""
        return "[LocalizationWidget: to see it, install anywidget and ipywidgets beside JupyterLab]"

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
