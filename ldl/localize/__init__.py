"""One-shot localization (LDL sections 5.2 and 6.3): one labelled point, found in other images.

Every point is (row, column) in pixels, floats allowed, with the centre of the first pixel at
(0.0, 0.0). Other libraries count x before y, or from the image's edge: nothing of that leaves this
package.
"""

from ldl.localize.baselines import PlaceMatcher, TemplateMatcher
from ldl.localize.evaluate import draw_supports, evaluate
from ldl.localize.features import feature_embedder, fitted, network_embedder
from ldl.localize.filtering import filtered, vector_at
from ldl.localize.frame import CentredMatcher, Frame, frame_of
from ldl.localize.images import Point
from ldl.localize.matchers import EmbeddingMatcher, Matcher
from ldl.localize.oneshot import find, localize, match_template
from ldl.localize.peak import Localization, read_map
from ldl.localize.scores import FACTORS, SupportResult, accuracy
