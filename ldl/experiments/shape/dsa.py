"""Table 5: vessels guided by the shape of DSA masks."""

from ldl.experiments.shape.rows import cells_of

cells = cells_of("dsa")
