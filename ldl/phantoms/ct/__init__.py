"""CT phantoms: volumes of abdomen, thorax, head and neck drawn from a seed, with organ labels.

They are for the embedded default and for tests. What is measured on them is no evidence about real
patients.
"""

from .organs import ORGANS
from .volumes import CtPhantom, volumes

__all__ = ["ORGANS", "CtPhantom", "volumes"]
