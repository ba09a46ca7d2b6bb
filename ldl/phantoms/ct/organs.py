"""The organs that the LRC paper reports per region of the body (its section 3.2), in its order."""

from __future__ import annotations

# The label of an organ is its place in the tuple plus one; background is 0. "Left" and "right" are
# the patient's.
ORGANS: dict[str, tuple[str, ...]] = {
    "abdomen": (
        "large bowel",
        "duodenum",
        "spinal cord",
        "liver",
        "spleen",
        "small bowel",
        "pancreas",
        "left kidney",
        "right kidney",
        "stomach",
        "gallbladder",
    ),
    "thorax": ("esophagus", "trachea", "spinal cord", "left lung", "right lung", "heart"),
    "head_neck": (
        "brainstem",
        "mandible",
        "optical chiasm",
        "left optical nerve",
        "right optical nerve",
        "left parotid",
        "right parotid",
        "left submandibular gland",
        "right submandibular gland",
    ),
}
