"""CT phantoms: volumes of abdomen, thorax, head and neck drawn from a seed, with organ labels."""

from ldl.phantoms.ct.scene import ORGANS
from ldl.phantoms.ct.volumes import CtPhantom, volumes
