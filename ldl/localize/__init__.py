"""One-shot localization (LDL sections 5.2 and 6.3): one labelled point, found in other images.

Every point is (row, column) in pixels, floats allowed, with the centre of the first pixel at
(0.0, 0.0). Other libraries count x before y, or from the image's edge: nothing of that leaves this
package.
"""

from ldl.localize.matchers import (
    CentredMatcher,
    EmbeddingMatcher,
    Frame,
    Matcher,
    PlaceMatcher,
    Point,
    TemplateMatcher,
    feature_embedder,
    filtered,
    fitted,
    frame_of,
    network_embedder,
    vector_at,
)
from ldl.localize.oneshot import accuracy, draw_supports, evaluate, find, localize
from ldl.localize.peak import Localization, read_map
from ldl.runs.localize import FACTORS
