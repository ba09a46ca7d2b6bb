"""What is painted with: organs and their labels, tissues and their Hounsfield units."""

from __future__ import annotations

import numpy as np

AIR = -1000.0
# The organs that the LRC paper reports per region of the body (its section 3.2), in its order. The
# label of an organ is its place plus one; background is 0. "Left" and "right" are the patient's.
ORGANS: dict[str, tuple[str, ...]] = {
    "abdomen": (
        "large bowel", "duodenum", "spinal cord", "liver", "spleen", "small bowel", "pancreas",
        "left kidney", "right kidney", "stomach", "gallbladder",
    ),
    "thorax": ("esophagus", "trachea", "spinal cord", "left lung", "right lung", "heart"),
    "head_neck": (
        "brainstem", "mandible", "optical chiasm", "left optical nerve", "right optical nerve",
        "left parotid", "right parotid", "left submandibular gland", "right submandibular gland",
    ),
}  # fmt: skip
# Without contrast, arterial, portal venous, late. What a scan shows differs less between
# neighbours than between patients.
PHASES = (0.2, 0.25, 0.4, 0.15)
ENHANCING: dict[str, tuple[float, float, float, float]] = {
    "liver": (57, 66, 104, 90),
    "spleen": (47, 112, 114, 92),
    "renal cortex": (33, 155, 178, 150),
    "renal medulla": (31, 62, 145, 152),
    "pancreas": (42, 96, 88, 70),
    "artery": (42, 280, 150, 115),
    "vein": (42, 85, 140, 115),
    "portal": (42, 115, 160, 118),
    "right blood": (42, 250, 145, 115),
    "pulmonary": (42, 265, 145, 115),
    "myocardium": (44, 92, 102, 88),
    "bowel wall": (40, 78, 88, 72),
    "esophagus": (38, 54, 62, 58),
    "muscle": (54, 57, 62, 61),
    "gland": (42, 75, 88, 74),
    "brain": (33, 34, 36, 36),
    "thyroid": (95, 150, 160, 140),
    "mucosa": (38, 60, 80, 74),
}
PLAIN: dict[str, tuple[float, float]] = {
    "fat": (-103, 7),
    "skin": (20, 25),
    "marrow": (190, 50),
    "cortex": (680, 90),
    "disc": (75, 12),
    "cord": (38, 5),
    "csf": (10, 5),
    "bile": (9, 7),
    "lung": (-855, 35),
    "cartilage": (105, 25),
    "air": (-995, 4),
    "tooth": (1900, 250),
}
# What one voxel shows of bones thinner or denser than compact bone.
BONES = {"thin bone": 0.6, "bone": 0.72, "hard bone": 1.2, "jaw": 1.7}


def draw_tissue(rng: np.random.Generator) -> dict[str, float]:
    """One patient's tissues in Hounsfield units: contrast phase, fat, bone and their spread."""
    phase = int(rng.choice(len(PHASES), p=PHASES))
    dose = rng.uniform(0.6, 1.15)
    out = {
        name: values[0] + dose * (values[phase] - values[0]) + rng.normal(0.0, 5.0)
        for name, values in ENHANCING.items()
    }
    out |= {name: rng.normal(mean, spread) for name, (mean, spread) in PLAIN.items()}
    out |= {name: share * out["cortex"] for name, share in BONES.items()}
    if rng.random() < 0.25:
        out["liver"] -= rng.uniform(10.0, 45.0)
    if rng.random() < 0.3:
        # A fatty pancreas and fatty salivary glands come with age.
        out["pancreas"] -= rng.uniform(5.0, 35.0)
    out["parotid"] = out["gland"] - rng.uniform(15.0, 95.0)
    return {name: float(value) for name, value in out.items()}
