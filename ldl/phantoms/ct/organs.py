"""What is in the trunk: lungs, mediastinum and heart; bowel, kidneys, liver, pancreas ..."""

from __future__ import annotations

import numpy as np

from ldl.phantoms.ct.bodies import (
    Tube,
    View,
    carve,
    column,
    ellipsoid,
    join,
    path,
    profile,
    rotation,
    taper,
    tube,
)
from ldl.phantoms.ct.trunk import HEIGHTS, PARTS, Trunk
from ldl.phantoms.fields import Array, anatomy, wave

WAYS = anatomy("trunk")["ways"]


def lungs(s: Trunk, rng: np.random.Generator) -> None:
    """Both lungs with vessels and disease, effusions in a few, mediastinal fat between them."""
    v = s.grid.view((-1e3, -1e3, 15))
    if v.x.size == 0:
        return
    cavity, above = v.cut(s.cavity), v.cut(s.above)
    lung = np.maximum(np.maximum(cavity + 2.0, -0.7 * above), v.z - 352.0)
    value = s.tissue["lung"] + 0.5 * v.y + 18.0 * s.grid.noise(rng, 18.0, v)
    # Vessels, wider to the hilum.
    deep = np.clip(-cavity / 70.0, 0.0, 1.0)
    vessels = strands(s, rng, v, 13.0, 0.1 + 0.26 * deep) * np.clip(deep * 8.0, 0.0, 0.9)
    value = _disease(s, rng, v, value + (0.6 * s.tissue["pulmonary"] + 850.0) * vessels, lung)
    for organ, side in (("left lung", 1.0), ("right lung", -1.0)):
        half = np.maximum(lung, 3.0 - side * (v.x - 2.0))
        s.paint(v, half, value, s.code(organ))
        if rng.random() < 0.12:
            fluid = np.maximum(half - 2.0, rng.uniform(35.0, 75.0) - v.y)
            s.paint(v, fluid, rng.uniform(2.0, 30.0))
    # Fat in front of the spine, wide at the heart, thin before and behind.
    x = profile(
        v.z,
        HEIGHTS["middle_z"],
        np.add(HEIGHTS["middle_x"], rng.normal(0, 2.0, len(HEIGHTS["middle_z"]))),
    )
    half = profile(v.z, HEIGHTS["middle_z"], HEIGHTS["middle_half"]) * rng.normal(1.0, 0.07)
    front = profile(v.z, (90, 200, 260, 300, 356), (70, 66, 52, 40, 20))
    body, _ = column(v, x, 2.0, half, front, 48.0, 0.25)
    seam = np.maximum(np.abs(v.x - 0.5 * x) - 3.0, -0.2 * v.y - 4.0)
    middle = join(body + 3.0 * s.grid.noise(rng, 22.0, v), seam, 14.0)
    middle = np.maximum(np.maximum(middle, cavity), -4.0 - above)
    s.paint(v, middle, s.tissue["fat"] + 12.0)


def strands(
    s: Trunk, rng: np.random.Generator, v: View, scale: float, width: Array | float
) -> Array:
    """Lines where two noise fields vanish together, in [0, 1]: the vessels of an organ."""
    a, b = s.grid.noise(rng, scale, v), s.grid.noise(rng, scale, v)
    return np.clip(1.6 - 1.6 * np.sqrt(a * a + b * b) / width, 0.0, 1.0)


def _disease(s: Trunk, rng: np.random.Generator, v: View, value: Array, lung: Array) -> Array:
    """Dependent atelectasis in most, patches of consolidation or emphysema in some: all lung."""
    low = np.clip((v.y - rng.uniform(62, 90)) / 16.0, 0.0, 1.0) * np.clip(1.0 + lung / 14.0, 0, 1)
    value = value + rng.uniform(100.0, 500.0) * low
    if rng.random() < 0.35:
        patch = s.grid.noise(rng, 30.0, v) + 0.7 * s.grid.noise(rng, 11.0, v)
        patch = np.clip(patch - rng.uniform(1.2, 1.8), 0.0, 1.0)
        value = value + patch * (rng.uniform(-400.0, 20.0) - value)
    if rng.random() < 0.3:
        value = value - 60.0 * np.clip(s.grid.noise(rng, 14.0, v), 0.0, 2.0)
    return value


def gullet(s: Trunk, rng: np.random.Generator) -> None:
    """The gullet, with gas here and there."""
    t = s.along(PARTS["gullet"][0], rng)
    s.paint(t.view, t.distance, s.tissue["esophagus"], s.code("esophagus"))
    gas = np.isin(t.nearest // 5, np.flatnonzero(rng.random(len(t.points)) < 0.25))
    s.paint(t.view, t.distance + 4.0 + 9.0 * ~gas, -700.0, None)


def heart(s: Trunk, rng: np.random.Generator) -> None:
    """Four chambers in one labelled muscle, blood in them by phase, fat in its grooves and sac."""
    v, noise, fat = s.grid.view((-85, -110, 110), (125, 45, 245)), s.grid.noise, s.tissue["fat"]
    if v.x.size == 0:
        return
    size, move = rng.normal(1.0, 0.07), rng.normal(0.0, (5.0, 3.0, 5.0))
    turn, middle = rng.normal(0.0, 6.0, 2), np.array((10, -30, 180))
    rows = anatomy("trunk")["chambers"]
    chambers = [
        ellipsoid(
            v,
            (np.array(row["centre"]) - middle) * size + middle + move,
            np.array(row["radii"]) * (size * rng.normal(1.0, 0.05, 3)),
            rotation(turn[0] - row["turn"][0], 0.0, turn[1] + row["turn"][1]),
        )
        for row in rows
    ]
    whole = chambers[0]
    for part in chambers[1:]:
        whole = join(whole, part, 16.0)
    limit = np.maximum(v.cut(s.cavity) + 5.0, 3.0 - 0.8 * v.cut(s.above))
    whole = np.maximum(whole + 1.2 * noise(rng, 20.0, v), limit)
    sac = np.maximum(whole - rng.uniform(2.0, 9.0), limit - 2.0)
    s.paint(v, sac, fat + 8.0 * noise(rng, 10.0, v))
    s.paint(v, whole, s.tissue["myocardium"] + 5.0 * noise(rng, 11.0, v), s.code("heart"))
    right, left, thicker = chambers[0], chambers[3], rng.uniform(0.8, 1.2)
    for chamber, row in zip(chambers[:4], rows, strict=False):
        inner = np.maximum(chamber, whole) + thicker * row["wall"]
        # The muscle of the left ventricle is spared by the others.
        inner = inner if chamber is left else np.maximum(inner, -left)
        s.paint(v, inner, 0.93 * s.tissue[row["blood"]], None)
    groove = np.abs(left - right) - 1.5 + np.maximum(-whole - 10.0, 0.0)
    s.paint(v, np.maximum(groove, whole), fat, None, blend=0.8)


def aorta(s: Trunk, rng: np.random.Generator) -> None:
    """The aorta from its root to the fork, with calcified plaques in some patients."""
    t = s.along(PARTS["aorta"][0], rng)
    s.paint(t.view, t.distance, s.tissue["artery"], None)
    # Its root lies in the heart and counts as such.
    root = (t.view.z > 190.0) & (t.view.z < 216.0) & (t.view.y < 20.0)
    s.label[t.view.box][(t.distance < 0) & ~root] = 0
    if rng.random() < 0.4:
        spots = s.grid.noise(rng, 9.0, t.view) < 1.2
        s.paint(t.view, np.abs(t.distance + 1.0) - 1.2 + 12.0 * spots, 600.0, None)


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
    points = np.array(WAYS["colon"]) + rng.normal(0.0, 4.0, (len(WAYS["colon"]), 3))
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
    t = s.along(PARTS["duodenum"][0], rng)
    gas = np.clip(0.5 * wave(rng, len(t.points), 6.0) - 0.4, 0.0, 0.8)
    fill(s, t, "duodenum", 2.6, _contents(rng, len(t.points), 22.0, 12.0, 6.0), gas)


def stomach(s: Trunk, rng: np.random.Generator) -> None:
    """From the dome to the pylorus, collapsed or full, with a level of gas in front."""
    points = np.array(WAYS["stomach"]) + rng.normal(0.0, 3.0, (len(WAYS["stomach"]), 3))
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
    v, body = s.joined(PARTS["gallbladder"][0], rng)
    s.paint(v, body, s.tissue["bowel wall"] - 15.0, s.code("gallbladder"))
    s.paint(v, body + 2.2, s.tissue["bile"] + 2.0 * s.grid.noise(rng, 8.0, v), None)
    if rng.random() < 0.2:
        sludge = np.maximum(body + 3.0, rng.uniform(-36.0, -28.0) - v.y)
        s.paint(v, sludge, rng.uniform(60.0, 260.0), None)


def pancreas(s: Trunk, rng: np.random.Generator) -> None:
    """From the loop of the duodenum to the hilum of the spleen: lobulated, with fat between."""
    t = s.along(PARTS["pancreas"][0], rng)
    lobes, age = s.grid.noise(rng, 8.0, t.view), rng.uniform(0.4, 2.6)
    value = s.tissue["pancreas"] + 5.0 * s.grid.noise(rng, 12.0, t.view)
    cleft = np.clip(lobes * age / 2.6 - 0.75, 0.0, 0.6)
    value = value + cleft * (s.tissue["fat"] - value)
    s.paint(t.view, t.distance + age * 0.8 * lobes, value, s.code("pancreas"))
    if rng.random() < 0.3:
        duct = tube(s.grid, t.points[3:], rng.uniform(1.0, 2.5))
        s.paint(duct.view, duct.distance, 15.0, None, blend=0.7)
