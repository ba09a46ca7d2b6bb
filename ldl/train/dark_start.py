"""The one bit that shape does not hold: whether the target is darker or brighter than its sides."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.data.views import ViewPair
from ldl.models.segmentation import OwnTargetNet

# Side of the closing's square in pixels; of the rim of the field of view that is left out; pixels
# of a batch; spread of the scores; ridge, in the mean variance of a feature.
SIDE, RIM, PIXELS, SPREAD, RIDGE = 11, 6, 20_000, 2.0, 1e-2
GREEN = 1


def darkness(images: Tensor) -> Tensor:
    """Black top-hat of the green channel: its closing by a square minus itself, smoothed by 3x3.

    Args:
        images: (B, 3, H, W) float.

    Returns:
        (B, 1, H, W), at least 0, large on thin structures that are darker than both their sides.
    """
    green = images[:, GREEN : GREEN + 1]
    green = F.avg_pool2d(green, 3, stride=1, padding=1, count_include_pad=False)
    return -_largest(-_largest(green, SIDE), SIDE) - green


def _largest(values: Tensor, side: int) -> Tensor:
    return F.max_pool2d(values, side, stride=1, padding=side // 2)


@torch.no_grad()
def start_dark(
    net: OwnTargetNet,
    batches: list[tuple[ViewPair, Tensor]],
    share: float,
    bright: bool = False,
) -> float:
    """Set the target's last convolution to the ridge regression of `darkness` on its features.

    Vessels of a fundus are dark, those of an OCTA bright; a mask says neither, and a net that
    begins at random follows bright rims beside vessels as readily as the vessels.

    Args:
        net: after step 1; changed in place. Its statistics are the batches' (training mode).
        batches: views, and where they are inside the field of view (2B, 1, S, S).
        share: of the image that is target at first.
        bright: predict what is brighter than on both its sides instead.

    Returns:
        The correlation of the scores with what they predict.
    """
    block, last = net.target_branch()
    found, wanted = [], []
    for views, inside in batches:
        images = torch.cat([views.first, views.second])
        shared = net.decoder(net.encoder(images))
        padded = F.pad(block(shared).float(), (1, 1, 1, 1), mode="replicate")
        pixels = F.unfold(padded, 3).transpose(1, 2).flatten(0, 1)
        away = -_largest(-inside, 2 * RIM + 1).flatten() > 0
        rows = away.nonzero()[:, 0]
        rows = rows[:: max(1, len(rows) // PIXELS)]
        found.append(pixels[rows])
        shown = images.float()
        wanted.append(darkness(-shown if bright else shown).flatten()[rows])
    features, target = torch.cat(found).double(), torch.cat(wanted).double()
    features, target = features - features.mean(dim=0), target - target.mean()
    ridge = RIDGE * len(features) * features.var(dim=0).mean()
    moments = features.T @ features + ridge * torch.eye(features.shape[1]).to(features)
    weight = torch.linalg.solve(moments, features.T @ target)
    scores = torch.cat(found).double() @ weight
    scale = SPREAD / scores.std()
    cut = scores.sort().values[round((1 - share) * (len(scores) - 1))]
    last.weight[0] = (weight * scale).view_as(last.weight[0]).to(last.weight)
    assert last.bias is not None, "the last convolution of a branch has one"
    last.bias[0] = -cut * scale
    return float(torch.corrcoef(torch.stack([scores, target]))[0, 1])
