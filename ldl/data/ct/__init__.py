"""CT volumes as banks of axial slices: reading, checking, resampling, windows, splits by volume."""

from ldl.tasks import PAPER_SPACING, REGIONS, Region, facts, spacing_for

from .bank import CtBank, CtEntry, open_ct_bank
from .prepare import ct_bank
from .splits import BUDGETS, part_sizes, split_volumes
from .volume import CtVolume, as_nifti
