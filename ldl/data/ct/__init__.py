"""CT volumes as banks of axial slices: reading, checking, resampling, windows, splits by volume."""

from ldl.tasks import REGIONS, facts

from .bank import BUDGETS, CtBank, CtEntry, open_ct_bank, part_sizes
from .prepare import ct_bank, joined, pretraining_rows, refuse_shared_volumes, slice_bank
