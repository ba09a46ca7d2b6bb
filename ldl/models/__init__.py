"""Networks only: no losses, no data.

``base`` is the channels of a network's first stage, ``in_channels`` 3 (colour) or 1, ``border`` the
padding of every convolution.
"""

from ldl.models.backbones import Encoder
from ldl.models.blocks import Decoder, initialise
from ldl.models.embedding import LocalDiscriminationNet
from ldl.models.segmentation import SegmentationNet
