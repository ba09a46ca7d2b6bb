"""One file a pretraining method; reading it is knowing it.

One registry: LDL's own are a `Method`, those that the papers compare with a `Comparison`.
"""

from typing import Any

from ldl.methods.base import Comparison, Method
from ldl.methods.byol import BYOL
from ldl.methods.densecl import DenseCL
from ldl.methods.embinva import EmbInva
from ldl.methods.genesis import Genesis
from ldl.methods.instdisc import InstDisc
from ldl.methods.mae import MAE
from ldl.methods.moco import MoCo, MoCoV2
from ldl.methods.pd import PatchDiscrimination, PatchDiscriminationMixup
from ldl.methods.rd import RegionDiscrimination
from ldl.methods.relative_location import RelativeLocation
from ldl.methods.rotation import Rotation
from ldl.methods.rotori import RotOri
from ldl.methods.simclr import SimCLR
from ldl.methods.simsiam import SimSiam
from ldl.methods.starts import ImageNet, RandomInit
from ldl.methods.supervised import Supervised
from ldl.methods.windows import CentreSensitivePooling, MultiSizePooling

METHODS: dict[str, Any] = {
    "pd": PatchDiscrimination(),
    "pd+mix": PatchDiscriminationMixup(),
    "rd": RegionDiscrimination(),
    "pd+mix+ms": MultiSizePooling(),
    "pd+mix+ms+cs": CentreSensitivePooling(),
    "densecl": DenseCL(),
    "embinva": EmbInva(),
    "instdisc": InstDisc(),
    "moco": MoCo(),
    "mocov2": MoCoV2(),
    "rotori": RotOri(),
    "simclr": SimCLR(),
    "supervised": Supervised(),
    "byol": BYOL(),
    "simsiam": SimSiam(),
    "relative-location": RelativeLocation(),
    "rotation": Rotation(),
    "genesis": Genesis(),
    "mae": MAE(),
    "imagenet": ImageNet(),
    "random": RandomInit(),
}
