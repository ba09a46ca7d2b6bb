"""Table 6: vessels guided by the shape of OCTA masks."""

from ldl.experiments.shape.rows import cells_of

cells = cells_of("octa")
