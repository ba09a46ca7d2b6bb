"""What pages show of tables and records: one renderer, short words, what to look at."""

from ldl.report.claims import (
    claims_csv,
    claims_table,
    count_words,
    forest,
    forest_words,
    head_of,
    interval,
)
from ldl.report.encoders import encoders_table
from ldl.report.render import MARK, NOT_YET, folded, group_table, machinery, signed, whole_table
from ldl.report.words import (
    BY_PAGE,
    budget,
    complete,
    images_seen,
    is_phantom,
    provenance,
    run_card,
)
from ldl.tables import PAGES
from ldl.tables.compare import judged
