"""CT volumes as banks of axial slices: reading, checking, resampling, windows, splits by volume."""

from ldl.tasks import REGIONS, facts

from .bank import (
    BUDGETS,
    CtBank,
    CtEntry,
    joined,
    open_ct_bank,
    part_sizes,
    pretraining_rows,
    refuse_shared_volumes,
)
from .prepare import ct_bank, slice_bank
