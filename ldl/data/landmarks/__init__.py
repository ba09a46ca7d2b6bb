"""Images with one point to find in each: the truths of one-shot localization (LDL section 6.3).

Points are (row, column) in pixels of the prepared square image; the centre of the first pixel is
at (0.0, 0.0).
"""

from ldl.data.landmarks.bank import KNOWN, experts_apart, landmark_bank
from ldl.runs.localize import WINDOWS, window_at

__all__ = ["KNOWN", "WINDOWS", "experts_apart", "landmark_bank", "window_at"]
