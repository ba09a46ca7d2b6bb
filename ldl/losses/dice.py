"""The segmentation loss, LDL Eq. 30."""

from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def dice_loss(prediction: Tensor, target: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Eq. 30 over the whole batch: 1 - (2 sum y'y + eps) / (sum y' + sum y + eps).

    Neither the paper's nor the release's: the print has the factor 2 before the whole fraction,
    which would make an exact prediction cost less than 0, and the release has eps below the
    fraction alone and no 1 before it. Here an exact prediction costs 0, with a batch of one
    positive pixel as with many. A batch without a positive pixel is scored on the inverted pair, as
    in the release, so that an empty target still gives a gradient.

    Args:
        prediction: float probabilities in 0..1, any shape.
        target: the same shape, 0 or 1.
        smooth: eps, 1 in the paper.

    Returns:
        Scalar in 0..1.

    Raises:
        ConfigError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise ConfigError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape"
        )
    prediction = full_precision(prediction)
    target = target.to(prediction.dtype)
    empty = (target.sum() == 0).to(prediction.dtype)
    prediction = empty + (1 - 2 * empty) * prediction
    target = empty + (1 - 2 * empty) * target
    overlap = 2 * (prediction * target).sum() + smooth
    return 1 - overlap / (prediction.sum() + target.sum() + smooth)
