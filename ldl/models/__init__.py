"""Networks only: no losses, no data."""

from ldl.models.blocks import initialise
from ldl.models.decoder import Decoder
from ldl.models.embedding import LocalDiscriminationNet
from ldl.models.segmentation import SegmentationNet
from ldl.models.vgg import Encoder
