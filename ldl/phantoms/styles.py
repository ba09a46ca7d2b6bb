"""Camera styles: how one retina looks in eight collections of fundus photographs.

Colours are (red, green, blue) in [0, 1] as displayed. Geometry: `radius` is the radius of the
round field of view in disc-fovea distances, `centre` what the camera looks at ("macula", "disc" or
"between"), `crop` the half width and half height of the box that fills the square, in radii: a
height below 1 means that the circle is cut there.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """One camera and its patients; pairs are ranges to draw from uniformly."""

    radius: Span
    centre: str
    crop: tuple[float, float]
    base: Colour
    disc: Colour
    ground: Colour = (0.0, 0.0, 0.0)
    shift: Span = (0.0, 0.0)
    colour_spread: float = 0.10
    contrast: Span = (0.8, 1.1)
    calibre: Span = (0.85, 1.15)
    tortuosity: Span = (0.6, 1.5)
    vignette: Span = (0.1, 0.5)
    tilt: Span = (0.0, 0.3)
    rim: Span = (0.0, 0.15)
    flare: float = 0.0
    choroid: Span = (0.0, 0.7)
    macula: Span = (0.15, 0.45)
    sheen: Span = (0.0, 0.25)
    cup: Span = (0.3, 0.65)
    atrophy: float = 0.2
    haemorrhages: float = 0.1
    exudates: float = 0.1
    drusen: float = 0.05
    reflexes: float = 0.1
    haze: Span = (0.0, 0.2)
    softness: Span = (0.001, 0.005)
    noise: Span = (0.003, 0.010)
    notch: float = 0.0
    stretch: float = 0.0


CHASE = Style(
    (0.95, 1.1), "disc", (1.02, 1.02), (0.64, 0.215, 0.03), (1.05, 0.68, 0.20),
    vignette=(0.35, 0.7), tilt=(0.2, 0.6), sheen=(0.3, 1.0), choroid=(0.1, 0.9),
    calibre=(0.85, 1.1), colour_spread=0.22, contrast=(0.85, 1.15), haemorrhages=0.0, exudates=0.0,
    drusen=0.0, cup=(0.25, 0.5),
)  # fmt: skip
HRF = Style(
    (1.75, 2.0), "macula", (1.02, 0.68), (0.76, 0.235, 0.125), (1.1, 0.80, 0.40),
    vignette=(0.0, 0.25), tilt=(0.0, 0.25), haemorrhages=0.35, exudates=0.15, choroid=(0.1, 1.7),
    notch=0.3, macula=(0.3, 0.65), calibre=(1.05, 1.35), softness=(0.001, 0.003),
    contrast=(0.75, 1.05),
)  # fmt: skip
RITE = Style(
    (1.35, 1.55), "macula", (1.03, 1.03), (0.82, 0.41, 0.24), (1.05, 0.88, 0.58),
    ground=(0.015, 0.015, 0.015), vignette=(-0.1, 0.4), tilt=(0.1, 0.45), rim=(0.0, 0.35),
    notch=0.7, choroid=(0.0, 0.8), atrophy=0.25, calibre=(1.0, 1.3), macula=(0.1, 0.4),
    haemorrhages=0.15, exudates=0.1, contrast=(0.7, 1.05), colour_spread=0.16,
)  # fmt: skip
STARE = Style(
    (1.15, 1.4), "between", (1.12, 0.94), (0.86, 0.46, 0.17), (1.1, 0.92, 0.46),
    ground=(0.01, 0.07, 0.045), vignette=(0.0, 0.45), tilt=(0.1, 0.5), haemorrhages=0.5,
    exudates=0.4, drusen=0.3, haze=(0.05, 0.5), tortuosity=(0.8, 2.4), colour_spread=0.22,
    notch=1.0, contrast=(0.55, 1.15), calibre=(0.8, 1.15),
)  # fmt: skip
DRISHTI = Style(
    (1.05, 1.25), "disc", (1.0, 0.84), (0.38, 0.185, 0.065), (0.86, 0.47, 0.12), notch=1.0,
    shift=(-0.14, 0.14), colour_spread=0.25, vignette=(0.0, 0.6), tilt=(0.1, 0.6), flare=0.45,
    cup=(0.45, 0.9), atrophy=0.45, choroid=(0.1, 1.7), haemorrhages=0.03, exudates=0.0,
    haze=(0.0, 0.35), noise=(0.004, 0.012),
)  # fmt: skip
IDRID = Style(
    (1.3, 1.5), "macula", (1.02, 0.80), (0.66, 0.30, 0.07), (1.22, 0.86, 0.30), notch=0.9,
    colour_spread=0.2, vignette=(0.0, 0.5), tilt=(0.0, 0.4), haemorrhages=0.75, exudates=0.7,
    haze=(0.0, 0.25), rim=(0.0, 0.3), macula=(0.25, 0.5), reflexes=0.6, drusen=0.25,
)  # fmt: skip
EYEPACS = Style(
    (1.3, 1.7), "macula", (1.02, 0.92), (0.55, 0.35, 0.2), (0.99, 0.85, 0.6), notch=0.6,
    colour_spread=0.25, vignette=(0.2, 0.9), tilt=(0.1, 0.6), haemorrhages=0.12, exudates=0.15,
    drusen=0.1, macula=(0.3, 0.7), rim=(0.3, 1.2), sheen=(0.0, 0.5), choroid=(0.0, 0.8),
    stretch=1.0, contrast=(0.8, 1.25),
)  # fmt: skip
EYEPACS_NATURAL = Style(
    (1.3, 1.7), "macula", (1.02, 0.95), (0.60, 0.31, 0.12), (0.98, 0.76, 0.4), notch=0.6,
    colour_spread=0.3, vignette=(0.0, 0.6), tilt=(0.1, 0.5), haemorrhages=0.25, exudates=0.15,
    drusen=0.1, choroid=(0.0, 1.2), haze=(0.0, 0.4),
)  # fmt: skip

PRETRAINING: tuple[tuple[float, Style], ...] = (
    (0.36, EYEPACS), (0.22, EYEPACS_NATURAL), (0.07, CHASE), (0.07, HRF), (0.07, RITE),
    (0.07, STARE), (0.07, DRISHTI), (0.07, IDRID),
)  # fmt: skip
