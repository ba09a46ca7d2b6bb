"""What the widgets show: images, how networks see them, all of it as one JSON value, and, with the
same arithmetic on the same bytes, what the page answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldl.errors import ConfigError, DataError
from ldl.localize import EmbeddingMatcher, Localization, Point, filtered, peak, read_map, vector_at
from ldl.localize.matchers import LEAST_WINDOW, Window, as_image, check_point, is_blank, window_for
from ldl.localize.oneshot import blank_reason
from ldl.plots.images import cluster_colours
from ldl.widgets.packing import (
    Payload,
    Quantised,
    cell_means,
    packed,
    packed_map,
    palette,
    picture,
    quantised,
    restored,
    stride_within,
)

BUDGET = 4_000_000  # bytes of maps in a live widget; pages give less
REGION_BUDGET = 1_500_000  # bytes of maps of one kind of images in the region widget
LARGEST = 0.5  # of the support's smaller side: the slider's end
MOST_SIMILAR = 20  # pixels that the region widget marks
# The rule of `ldl.localize.peak`, handed over so that the page does not keep one of its own.
RULE = {
    "share": peak.SHARE,
    "leastRise": peak.LEAST_RISE,
    "leastSharpness": peak.LEAST_SHARPNESS,
    "largestRegion": peak.LARGEST_REGION,
}
# (B, C, H, W) float in 0..1 -> embedding (B, K, H, W), assignment (B, clusters, H, W) with sum 1.
Outputs = Callable[[Tensor], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Images of one kind, divided into cells.

    Attributes:
        name: of the kind.
        images: (C, H, W) float32 in 0..1 each.
        names: one an image.
        stride: pixels of a cell's side.
        words: what images (and network) are, with their licence; one sentence.
    """

    name: str
    images: tuple[Tensor, ...]
    names: tuple[str, ...]
    stride: int
    words: str = ""

    def payload(self) -> Payload:
        """What the page is given of them."""
        pairs = zip(self.names, self.images, strict=True)
        images = [
            {"name": name, "size": list(one.shape[1:]), "picture": picture(one.numpy())}
            for name, one in pairs
        ]
        told = {"name": self.name, "words": self.words, "stride": self.stride}
        return told | {"images": images}


@dataclass(frozen=True)
class Variant:
    """A network and its test stage.

    Attributes:
        label: its name.
        sigma: of Eq. 24; None averages evenly over the window.
        maps: one an image.
        words: where the network comes from.
    """

    label: str
    sigma: float | None
    maps: tuple[Quantised, ...]
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Scene(Pictures):
    """Images to search; the first is the support, the others are queries.

    Attributes:
        variants: at least one.
        window: the slider's start, in pixels of the support.
        start: (row, column) in the support where the point begins.
        opens: the variant to begin with.
        landmarks: name -> (N, 2) true rows and columns, one an image.
    """

    variants: tuple[Variant, ...]
    window: float
    start: Point
    opens: int
    landmarks: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def windows(self) -> tuple[float, float]:
        """The slider's ends: two pixels (a cell, where that is larger), half the support."""
        side = min(self.images[0].shape[1:])
        return max(LEAST_WINDOW, float(self.stride)), float(max(2, int(LARGEST * side)))

    @property
    def blank(self) -> tuple[bool, ...]:
        """Which images show nothing."""
        return tuple(is_blank(one) for one in self.images)

    def asked_from(self, support: int, landmark: str, variant: int) -> "Scene":
        """The same with another support: its images in another order, the point on a landmark."""
        order = [support, *(k for k in range(len(self.images)) if k != support)]
        points = {name: each[order] for name, each in self.landmarks.items()}
        variants = (replace(one, maps=tuple(one.maps[k] for k in order)) for one in self.variants)
        return replace(
            self,
            images=tuple(self.images[k] for k in order),
            names=tuple(self.names[k] for k in order),
            variants=tuple(variants),
            start=_pair(points[landmark][0]),
            opens=variant,
            landmarks=points,
        )

    def payload(self) -> Payload:
        """What the page is given of it."""
        told = super().payload()
        for image, blank in zip(told["images"], self.blank, strict=True):
            image["blank"] = blank
        marks = self.landmarks.items()
        return told | {
            "window": self.window,
            "windows": list(self.windows),
            "start": list(self.start),
            "opens": self.opens,
            "landmarks": [{"name": k, "points": each.round(3).tolist()} for k, each in marks],
            "variants": [
                {
                    "label": one.label,
                    "sigma": one.sigma,
                    "words": one.words,
                    "maps": [packed_map(each) for each in one.maps],
                }
                for one in self.variants
            ],
        }


@dataclass(frozen=True, kw_only=True)
class RegionScene(Pictures):
    """Images of one size under a network with a clustering branch (Eq. 2).

    Attributes:
        clusters: their number.
        maps: embeddings, one an image.
        labels: (N, h, w) uint8, the most probable cluster of each cell.
        certainty: (N, h, w) uint8, its probability in 255ths.
    """

    clusters: int
    maps: tuple[Quantised, ...]
    labels: NDArray[np.uint8]
    certainty: NDArray[np.uint8]

    def payload(self) -> Payload:
        """What the page is given of it."""
        told = super().payload()
        rows = zip(self.maps, self.labels, self.certainty, strict=True)
        for image, (one, labels, certainty) in zip(told["images"], rows, strict=True):
            image |= {"map": packed_map(one), "labels": packed(labels)}
            image["certainty"] = packed(certainty)
        colours = cluster_colours(np.arange(self.clusters), self.clusters)
        return told | {"clusters": self.clusters, "colours": packed(colours)}


def payload(scenes: Sequence[Scene] | Sequence[RegionScene]) -> Payload:
    """What the localization or the region widget is given."""
    told = {"rule": RULE, "mostSimilar": MOST_SIMILAR, "palette": palette()}
    return told | {"scenes": [one.payload() for one in scenes]}


def map_bytes(scenes: Sequence[Scene]) -> int:
    """Bytes of all maps before they are deflated."""
    return sum(m.data.nbytes for one in scenes for v in one.variants for m in v.maps)


@torch.no_grad()
def scene(
    name: str,
    images: Sequence[Tensor | NDArray],
    matchers: Mapping[str, EmbeddingMatcher],
    *,
    window: float,
    start: Point | None = None,
    names: Sequence[str] | None = None,
    landmarks: Mapping[str, NDArray] | None = None,
    words: str = "",
    notes: Mapping[str, str] | None = None,
    budget: int = BUDGET,
) -> Scene:
    """Embed every image with every matcher's network and keep the maps as bytes.

    Args:
        name: of the kind of images.
        images: (C, H, W) uint8 or float in 0..1; the support first, then at least one query.
            A query of another size is taken for the same field of view, as in
            :func:`ldl.localize.localize`.
        matchers: label -> network and sigma, at least one; the last is shown first.
        window: side of the window in pixels of the support.
        start: where the point begins; the first landmark, else the middle.
        names: of the images; their numbers by default.
        landmarks: name -> true (row, column) of each image.
        words: what the images are.
        notes: label -> where that network comes from.
        budget: bytes of all maps; the cells are as small as it allows.

    Raises:
        ConfigError: no matcher, a point outside the support, or a window out of range.
        DataError: fewer than two images, or names or landmarks that do not fit them.
    """
    given, titles = _named(images, names)
    points = {key: np.asarray(each, dtype=np.float64) for key, each in (landmarks or {}).items()}
    for key, each in points.items():
        if each.shape != (len(given), 2):
            raise DataError(f"landmark {key!r} has shape {each.shape}; ({len(given)}, 2)")
    if not matchers:
        raise ConfigError("no matchers; give at least one network")
    height, width = (int(side) for side in given[0].shape[1:])
    first = _pair(next(iter(points.values()))[0]) if points else ((height - 1) / 2, (width - 1) / 2)
    place = start or first
    check_point(place, (height, width))
    probe = next(iter(matchers.values())).embedder(given[0][None])
    stride = stride_within(budget, given, int(probe.shape[1]), len(matchers))
    variants = [
        Variant(
            label,
            one.sigma,
            tuple(_cells(one.embedder(image[None])[0], stride) for image in given),
            (notes or {}).get(label, ""),
        )
        for label, one in matchers.items()
    ]
    made = Scene(
        name=name, images=given, names=titles, stride=stride, words=words,
        variants=tuple(variants), window=float(window), start=place, opens=len(variants) - 1,
        landmarks=points,
    )  # fmt: skip
    least, most = made.windows
    if not least <= window <= most:
        raise ConfigError(f"window is {window:g} pixels; the widget takes {least:g} to {most:g}")
    return made


@torch.no_grad()
def region_scene(
    name: str,
    images: Sequence[Tensor | NDArray],
    outputs: Outputs,
    *,
    names: Sequence[str] | None = None,
    words: str = "",
    budget: int = REGION_BUDGET,
) -> RegionScene:
    """Embed and cluster every image; all are of one size.

    Raises:
        DataError: fewer than two images, or a network without a clustering branch.
    """
    given, titles = _named(images, names)
    embedding, shares = outputs(torch.stack(given))
    if shares is None:
        raise DataError("the network assigns no clusters; use one of region discrimination")
    stride = stride_within(budget, given, int(embedding.shape[1]))
    most, labels = torch.stack([cell_means(one, stride) for one in shares]).max(dim=1)
    return RegionScene(
        name=name, images=given, names=titles, stride=stride, words=words,
        clusters=int(shares.shape[1]), maps=tuple(_cells(one, stride) for one in embedding),
        labels=labels.to(torch.uint8).numpy(),
        certainty=(255 * most).round().to(torch.uint8).numpy(),
    )  # fmt: skip


def _named(
    images: Sequence[Tensor | NDArray], names: Sequence[str] | None
) -> tuple[tuple[Tensor, ...], tuple[str, ...]]:
    given = tuple(as_image(one, f"image {k}") for k, one in enumerate(images))
    if len(given) < 2 or len({len(one) for one in given}) != 1:
        raise DataError(f"{len(given)} images; give a support and queries, all of one kind")
    titles = tuple(names or map(str, range(len(given))))
    if len(titles) != len(given):
        raise DataError(f"{len(titles)} names for {len(given)} images")
    return given, titles


def _cells(embedding: Tensor, stride: int) -> Quantised:
    return quantised(cell_means(embedding.float(), stride))


def _pair(point: NDArray) -> Point:
    return float(point[0]), float(point[1])


def emulated(scene: Scene, variant: int, point: Point, window: float) -> list[Localization]:
    """Eq. 26 and 35 on quantised cells, one answer a query.

    Args:
        scene: images and maps.
        variant: its number.
        point: (row, column) in pixels of the support.
        window: its side in pixels of the support.

    Returns:
        maps, peaks and points in **cells** of the query; :func:`to_pixels` takes a point back.
    """
    chosen = scene.variants[variant]
    support = restored(chosen.maps[0])
    target = vector_at(
        filtered(support, _sides(scene, 0, window), sigma=chosen.sigma), to_cells(scene, point)
    )
    answers = []
    for number in range(1, len(scene.images)):
        sides = _sides(scene, number, window)
        values = filtered(restored(chosen.maps[number]), sides, sigma=chosen.sigma)
        similarity = (target @ values.flatten(1)).view(values.shape[1:]).numpy()
        blank = blank_reason(scene.blank[0], scene.blank[number])
        answers.append(read_map(similarity, sides, blank=blank))
    return answers


def best_asked(scene: Scene, within: float) -> tuple[Scene, int]:
    """The scene from the support, landmark and variant with the most right answers, and how many.

    A right answer says "found" and lies within ``within`` windows of the true place. Of equals the
    last variant, then the first landmark and support count: a demo should open on what the method
    can do, and say that this was chosen.
    """
    asked = [
        scene.asked_from(support, landmark, variant)
        for variant in reversed(range(len(scene.variants)))
        for landmark in scene.landmarks
        for support in range(len(scene.images))
    ]
    rights = [_right(one, within) for one in asked]
    return (asked[int(np.argmax(rights))], max(rights)) if asked else (scene, 0)


def _right(scene: Scene, within: float) -> int:
    truths = next(each for each in scene.landmarks.values() if tuple(each[0]) == scene.start)
    answers = emulated(scene, scene.opens, scene.start, scene.window)
    return sum(
        one.status == "found"
        and np.hypot(*np.subtract(to_pixels(scene, one.guess), truth)) < within * scene.window
        for one, truth in zip(answers, truths[1:], strict=True)
    )


def to_cells(scene: Scene, point: Point) -> Point:
    """Pixels -> cells; both count from the centre of the first."""
    row, column = ((place + 0.5) / scene.stride - 0.5 for place in point)
    return row, column


def to_pixels(scene: Scene, point: Point) -> Point:
    """Cells -> pixels."""
    row, column = ((place + 0.5) * scene.stride - 0.5 for place in point)
    return row, column


def _sides(scene: Scene, number: int, window: float) -> Window:
    """The window in cells of an image."""
    here, there = (
        (int(scene.images[k].shape[1]), int(scene.images[k].shape[2])) for k in (0, number)
    )
    rows, columns = window_for(window, here, there)
    return rows / scene.stride, columns / scene.stride
