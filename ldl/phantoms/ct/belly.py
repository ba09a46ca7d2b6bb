"""What is in the belly: bowel, kidneys, liver, spleen, gallbladder, pancreas and their vessels."""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import Tube, View, carve, ellipsoid, join, path, rotation, taper, tube
from ldl.phantoms.ct.chest import strands
from ldl.phantoms.ct.scene import Part
from ldl.phantoms.ct.trunk import Trunk
from ldl.phantoms.fields import Array, wave

COLON = ((-66, -22, -128), (-82, -8, -108), (-98, 14, -72), (-102, 26, -34), (-92, 8, -6),
         (-76, -36, -10), (-48, -62, -14), (-8, -72, -22), (30, -70, -8), (62, -56, 14),
         (92, -22, 44), (104, 10, 62), (108, 32, 44), (108, 38, 0), (106, 32, -50),
         (94, 10, -92), (76, -12, -120), (48, -24, -140), (20, -6, -150))  # fmt: skip
STOMACH = ((52, 24, 118), (62, 14, 104), (68, -8, 84), (64, -32, 66), (48, -50, 48),
           (22, -58, 36), (0, -54, 32), (-16, -46, 33))  # fmt: skip
DUODENUM = Part(
    (), radii=(11.2,), size=0.1, move=2.5, flat=0.9,
    way=((-18, -42, 34), (-34, -34, 36), (-42, -12, 30), (-44, 2, 8), (-42, 8, -18),
         (-28, 8, -36), (-4, -2, -40), (20, 2, -34), (32, -2, -12), (34, -16, -2)),
)  # fmt: skip
PANCREAS = Part(
    (), radii=(14, 16, 14, 11, 10.5, 11, 11, 9), size=0.1, move=3.0, flat=0.85,
    way=((-26, -2, -4), (-25, -8, 10), (-16, -18, 20), (2, -24, 28), (26, -22, 36),
         (50, -8, 46), (70, 6, 58), (86, 16, 66)),
)  # fmt: skip
SPLEEN = (
    Part(((0, "spleen"),), "spleen", blobs=(((99, 34, 84), (41, 56, 56), (-14, 12, 12)),),
         hollows=(((46, 12, 80), (36, 42, 80)),), size=0.12, move=5.0, spin=8.0, rough=(2, 24),
         grain=(9, 12), room=3.0),
)  # fmt: skip
GALLBLADDER = Part(
    (), blobs=(((-50, -40, 28), (14, 17, 25), (-20, 0, -30)), ((-44, -26, 46), (7, 8, 13))),
    size=0.17, move=6.0, spin=10.0, rough=(1, 16),
)  # fmt: skip
# Crura of the diaphragm, and the adrenals, as dense as their labelled neighbours.
BEHIND = (
    Part(((0, "muscle"),), way=((14, 28, -10), (17, 30, 30), (17, 32, 70), (23, 28, 110)),
         radii=(4, 6, 6, 4), move=0.5, paired=True),
    Part(((0, "spleen"),), blobs=(((38, 30, 58), (2.8, 13, 17), (35, 0, 0)),), move=3.0,
         paired=True),
    Part(((0, "spleen"),), blobs=(((38, 30, 58), (2.8, 13, 17), (-20, 0, 0)),), move=3.0,
         paired=True),
)  # fmt: skip
VESSELS = tuple(
    Part(((0, tissue),), way=way, radii=radii, flat=0.8 if radii[0] > 9 else 1.0)
    for tissue, radii, way in (
        ("vein", (10, 11, 12, 13, 13), ((-8, 16, -72), (-20, 18, -40), (-24, 18, 0), (-24, 16, 40),
                                        (-26, 14, 80), (-24, 8, 120), (-24, -2, 148),
                                        (-28, -14, 172))),
        ("artery", (6, 5.5, 5), ((2, 9, -72), (-14, 14, -100), (-34, 22, -130), (-44, 24, -165))),
        ("artery", (6, 5.5, 5), ((2, 9, -72), (16, 14, -100), (36, 22, -130), (46, 24, -165))),
        ("vein", (8, 7, 6.5), ((-8, 16, -72), (-26, 26, -110), (-48, 32, -165))),
        ("vein", (8, 7, 6.5), ((-8, 16, -72), (14, 26, -110), (46, 32, -165))),
        ("vein", (5, 4.5), ((-24, 16, 8), (-40, 24, 6), (-56, 38, 5))),
        ("vein", (5, 5), ((-22, 12, 14), (4, 2, 16), (30, 16, 15), (52, 36, 15))),
        ("artery", (3, 3), ((6, 16, 12), (30, 24, 12), (52, 38, 14))),
        ("artery", (4.5, 4, 3), ((4, 12, 26), (4, -6, 14), (2, -16, -20), (-8, -26, -70))),
        ("artery", (4, 3, 3), ((6, 16, 40), (6, 0, 46), (-24, -8, 50), (-40, -12, 52))),
        ("portal", (4, 5.5, 6), ((-10, -26, -70), (-8, -18, -20), (-6, -12, 16), (-10, -6, 28))),
        ("portal", (4, 5, 5.5), ((96, 18, 74), (70, 10, 58), (40, 4, 42), (14, -2, 32),
                                 (-10, -6, 28))),
    )
)  # fmt: skip


def fill(s: Trunk, t: Tube, organ: str, wall: float, content: Array, gas: Array) -> None:
    """Paint a tube with its wall, a content per sample of its path, and gas that floats in front.

    `content` (n,) are Hounsfield units, `gas` (n,) how much of the diameter is gas, 0 to 1.
    """
    s.paint(t.view, t.distance, s.tissue["bowel wall"], s.code(organ))
    lumen = t.distance + wall
    s.paint(t.view, lumen, content.astype(np.float32)[t.nearest], None)
    # Gas rises to the front; its level is flat within a loop.
    level = (t.points[:, 1] - t.radius + 2.0 * t.radius * gas).astype(np.float32)
    s.paint(t.view, np.maximum(lumen, t.view.y - level[t.nearest]), s.tissue["air"], None)


def _contents(
    rng: np.random.Generator, count: int, base: float, spread: float, loop: float
) -> Array:
    """Hounsfield units along a bowel: fluid, or bright where oral contrast has come."""
    out = base + spread * wave(rng, count, loop)
    if rng.random() < 0.3:
        dye = rng.uniform(120.0, 320.0)
        out = out + dye * np.clip(wave(rng, count, 3.0 * loop) + 0.3, 0.0, 1.0)
    return out


def small_bowel(s: Trunk, rng: np.random.Generator) -> None:
    """One long loop after another through the middle of the belly, with mesenteric fat between."""
    count = int(rng.integers(42, 60))
    points = np.empty((count, 3))
    points[0] = (34, -16, -2)
    for k in range(1, count):
        offers = rng.uniform(-1.0, 1.0, (24, 3))
        offers = offers[(offers**2).sum(1) < 1.0] * (78, 44, 64) + (4, -34, -82)
        far = np.linalg.norm(offers[:, None] - points[None, :k], axis=2).min(1)
        step = np.linalg.norm(offers - points[k - 1], axis=1)
        points[k] = offers[np.argmax(np.minimum(far, 26.0) - 0.4 * step)]
    way = path(points, 5.5)
    radius = rng.uniform(9.5, 13.5) * (1.0 + 0.16 * wave(rng, len(way), 6.0))
    way[:, 1] = np.where(np.abs(way[:, 0]) < 60, np.minimum(way[:, 1], 14.0 - radius), way[:, 1])
    t = tube(s.grid, way, np.clip(radius, 7.0, 17.0), reach=4.0)
    t = t._replace(distance=np.maximum(t.distance, t.view.cut(s.cavity) + 2.0))
    gas = np.clip(0.45 * wave(rng, len(way), 8.0) - 0.35, 0.0, 0.8)
    content = _contents(rng, len(way), 22.0, 12.0, 8.0)
    fill(s, t, "small bowel", rng.uniform(1.8, 3.0), content, gas)


def colon(s: Trunk, rng: np.random.Generator) -> None:
    """The frame of the large bowel with its pouches, filled with stool, fluid or gas."""
    points = np.array(COLON) + rng.normal(0.0, 4.0, (len(COLON), 3))
    points[6:9, 2] -= rng.gamma(2.0, 9.0) * np.array((0.6, 1.0, 0.6))
    way = path(points, 5.0)
    wide = taper(len(way), (26, 25, 22, 21, 20, 20, 19, 17, 15, 15, 14, 14)) * rng.uniform(0.8, 1.2)
    wide = wide * (1.0 + 0.13 * wave(rng, len(way), 14.0))
    pouch = 1.0 + 0.12 * np.sin(2 * np.pi * 5.0 * np.arange(len(way)) / rng.uniform(28.0, 36.0))
    t = tube(s.grid, way, np.clip(wide * pouch, 9.0, 32.0), reach=4.0)
    t = t._replace(distance=np.maximum(t.distance, s.walls(t.view, 2.0)))
    gas = np.clip(0.5 * wave(rng, len(way), 12.0) + rng.uniform(-0.3, 0.35), 0.0, 1.0)
    content = _contents(rng, len(way), 25.0, 20.0, 12.0)
    fill(s, t, "large bowel", rng.uniform(2.0, 3.4), content, gas)
    # Stool is crumbly: small bubbles all through it.
    dry = (wave(rng, len(way), 20.0) > -0.2)[t.nearest]
    bubbles = np.maximum(t.distance + 4.0, 5.0 * (0.9 - s.grid.noise(rng, 7.0, t.view)))
    s.paint(t.view, np.where(dry, bubbles, np.float32(9.0)), -420.0, None, blend=0.7)


def duodenum(s: Trunk, rng: np.random.Generator) -> None:
    """From the pylorus round the head of the pancreas and across the spine."""
    t = s.along(DUODENUM, rng)
    gas = np.clip(0.5 * wave(rng, len(t.points), 6.0) - 0.4, 0.0, 0.8)
    fill(s, t, "duodenum", 2.6, _contents(rng, len(t.points), 22.0, 12.0, 6.0), gas)


def stomach(s: Trunk, rng: np.random.Generator) -> None:
    """From the dome to the pylorus, collapsed or full, with a level of gas in front."""
    points = np.array(STOMACH) + rng.normal(0.0, 3.0, (len(STOMACH), 3))
    points[3:6, 2] -= rng.gamma(2.0, 6.0)
    way = path(points, 5.0)
    size = rng.uniform(0.72, 1.15) * taper(len(way), (30, 36, 36, 33, 29, 25, 20, 15))
    t = tube(s.grid, way, np.maximum(size, 13.0), reach=8.0, flat=rng.uniform(0.85, 1.0))
    wavy = t.distance + 1.8 * s.grid.noise(rng, 16.0, t.view)
    t = t._replace(distance=np.maximum(wavy, s.walls(t.view, 3.0)))
    food = rng.uniform(5.0, 45.0) if rng.random() < 0.75 else rng.uniform(120.0, 300.0)
    level = float((way[:, 1] - t.radius).min()) + 90.0 * rng.uniform(-0.1, 0.45)
    gas = np.clip((level - way[:, 1] + t.radius) / (2.0 * t.radius), 0.0, 1.0)
    content = food + 6.0 * wave(rng, len(way), 6.0)
    fill(s, t, "stomach", rng.uniform(3.0, 5.0), content, gas)
    lumps = np.maximum(t.distance + 5.0, 5.0 * (0.6 - s.grid.noise(rng, 11.0, t.view)))
    lumps = np.maximum(lumps, level - t.view.y)
    s.paint(t.view, lumps, food + rng.uniform(-60.0, 60.0), None, blend=0.6)


def mesentery(s: Trunk, rng: np.random.Generator) -> None:
    """Vessels in the fat between the bowel loops."""
    v = s.grid.view((-80, -85, -150), (90, 5, -10))
    line = 2.0 - 4.0 * strands(s, rng, v, 26.0, 0.12)
    outside = 60.0 * (s.image[v.box] > -60.0)
    s.paint(v, line + outside, 0.8 * s.tissue["vein"], None)


def kidneys(s: Trunk, rng: np.random.Generator) -> None:
    """Both kidneys lean on the psoas in a shell of fat, the right one lower than the left."""
    tissue, noise = s.tissue, s.grid.noise
    for side, organ, z in ((1.0, "left kidney", 16), (-1.0, "right kidney", 3)):
        centre = np.array((side * 63, 40, z)) + rng.normal(0.0, (4, 4, 9))
        radii = np.array((26, 28, 49)) * rng.normal(1.0, 0.07) * rng.normal(1.0, 0.04, 3)
        turn = rotation(side * (32 + rng.normal(0, 8)), side * (-12 + rng.normal(0, 3)), 8)
        v = s.grid.around(centre, 65.0)
        hilum = centre + turn @ (-side * 20.0, 0.0, 0.0)
        sinus = ellipsoid(v, hilum, (17, 9, 24 * rng.normal(1, 0.12)), turn)
        body = ellipsoid(v, centre, radii, turn) + 1.6 * noise(rng, 18.0, v)
        body = carve(body, sinus, 5.0)
        room, fat = v.cut(s.cavity) - 3.0, tissue["fat"] + 6.0 * noise(rng, 10.0, v)
        s.paint(v, np.maximum(body - rng.uniform(4.0, 14.0), room), fat)
        depth = np.clip(-(body + 5.5 + 2.5 * noise(rng, 10.0, v)) / 3.0, 0.0, 1.0)
        value = tissue["renal cortex"] + depth * (tissue["renal medulla"] - tissue["renal cortex"])
        s.paint(v, np.maximum(body, room), value, s.code(organ))
        s.paint(v, np.maximum(sinus + 1.0, body - 8.0), fat)
        pelvis = ellipsoid(v, hilum + turn @ (-side * 4.0, 0, 0), (9, 4.5, 10), turn)
        s.paint(v, pelvis, 12.0 if tissue["artery"] > 120 else 12.0 + 0.8 * tissue["vein"])
        if rng.random() < 0.2:
            at = centre + turn @ rng.normal(0, (12, 12, 24))
            cyst = ellipsoid(v, at, [rng.uniform(6, 13)] * 3)
            s.paint(v, np.maximum(cyst, body - 6.0), 8.0, None)


def liver(s: Trunk, rng: np.random.Generator) -> None:
    """The liver fills the right dome; its left lobe reaches over the stomach, more or less far."""
    tissue, noise, v = s.tissue, s.grid.noise, s.grid.view((-160, -120, -60), (100, 110, 165))
    low, reach = rng.normal(0.0, 10.0), rng.uniform(48.0, 84.0)
    right = ellipsoid(v, (-72, 2, 82 + 0.3 * low), (80, 90, 84 - 0.7 * low), rotation(12, -14))
    lobe = (10 + rng.normal(0, 4), -52, 106), (reach, 36 + rng.normal(0, 3), 38 + rng.normal(0, 4))
    body = join(right, ellipsoid(v, *lobe, rotation(8 + rng.normal(0, 5), 12)), 18.0)
    for centre, radii in (
        ((26, 46, 66), (56, 44, 96)),
        ((-18, -16, 22 + 0.3 * low), (26, 34, 34)),
        ((-68, -40 + rng.normal(0, 4), 14), (34, 34, 22)),
        ((-64, 52, 10), (34, 32, 50)),
    ):
        body = carve(body, ellipsoid(v, centre, radii), 10.0)
    body = np.maximum(body + 3.0 * noise(rng, 38.0, v), s.walls(v, 3.0))
    # Portal and hepatic veins, wider in the middle.
    inner = np.exp(-(((v.x + 45) / 55) ** 2 + ((v.y + 5) / 50) ** 2 + ((v.z - 80) / 50) ** 2))
    veins = (tissue["portal"] - tissue["liver"]) * strands(s, rng, v, 34.0, 0.03 + 0.17 * inner)
    value = tissue["liver"] + 4.0 * noise(rng, 9.0, v) + 3.0 * noise(rng, 35.0, v) + veins
    fissure = np.maximum(np.abs(v.x + 14.0 + 0.25 * v.y) - 1.6, v.y + 26.0 + 0.2 * (v.z - 60))
    value = np.where(fissure < 0, tissue["fat"] * 0.5, _lesions(rng, v, value, tissue["liver"]))
    s.paint(v, body, value, s.code("liver"))


def _lesions(rng: np.random.Generator, v: View, value: Array, liver: float) -> Array:
    """Cysts or metastases in a third of the livers: darker, part of the organ."""
    if rng.random() > 0.35:
        return value
    core = 15.0 if rng.random() < 0.5 else liver - 35.0
    for _ in range(int(rng.integers(1, 4))):
        centre = rng.normal((-70, 0, 80), (35, 30, 30))
        spot = ellipsoid(v, centre, rng.uniform(5, 17) * rng.normal(1, 0.15, 3))
        value = value + np.clip(0.5 - spot / 3.0, 0.0, 1.0) * (core - value)
    return value


def gallbladder(s: Trunk, rng: np.random.Generator) -> None:
    """A pear under the liver, full or contracted, sometimes with stones or sludge."""
    v, body = s.joined(GALLBLADDER, rng)
    s.paint(v, body, s.tissue["bowel wall"] - 15.0, s.code("gallbladder"))
    s.paint(v, body + 2.2, s.tissue["bile"] + 2.0 * s.grid.noise(rng, 8.0, v), None)
    if rng.random() < 0.2:
        sludge = np.maximum(body + 3.0, rng.uniform(-36.0, -28.0) - v.y)
        s.paint(v, sludge, rng.uniform(60.0, 260.0), None)


def pancreas(s: Trunk, rng: np.random.Generator) -> None:
    """From the loop of the duodenum to the hilum of the spleen: lobulated, with fat between."""
    t = s.along(PANCREAS, rng)
    lobes, age = s.grid.noise(rng, 8.0, t.view), rng.uniform(0.4, 2.6)
    value = s.tissue["pancreas"] + 5.0 * s.grid.noise(rng, 12.0, t.view)
    cleft = np.clip(lobes * age / 2.6 - 0.75, 0.0, 0.6)
    value = value + cleft * (s.tissue["fat"] - value)
    s.paint(t.view, t.distance + age * 0.8 * lobes, value, s.code("pancreas"))
    if rng.random() < 0.3:
        duct = tube(s.grid, t.points[3:], rng.uniform(1.0, 2.5))
        s.paint(duct.view, duct.distance, 15.0, None, blend=0.7)
