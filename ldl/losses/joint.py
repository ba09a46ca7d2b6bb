"""The joint probability of a right classification (LDL Eq. 6, 11, 16) in log space."""

import torch
from torch import Tensor


def log_miss(logits: Tensor, log_probability: Tensor) -> Tensor:
    """log(1 - P) for each entry of a softmax, exact also where P rounds to 1.

    Only the largest entry of a row can exceed 1/2; for it the other entries are summed instead
    of subtracting from one.

    Args:
        logits: (N, M) similarities over temperature, float32 or float64.
        log_probability: (N, M) their log-softmax.

    Returns:
        (N, M) log(1 - P), finite whenever M > 1.
    """
    top = logits.argmax(dim=1, keepdim=True)
    everywhere = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, top, True)
    floor = torch.finfo(logits.dtype).min / 4
    rest = torch.logsumexp(logits.masked_fill(everywhere, floor), dim=1, keepdim=True)
    top_miss = rest - torch.logsumexp(logits, dim=1, keepdim=True)
    # The inner fill keeps the unused branch away from log(0), whose gradient would be nan.
    safe = torch.log1p(-log_probability.masked_fill(everywhere, -1.0).exp())
    return torch.where(everywhere, top_miss, safe)


def joint_negative_log(logits: Tensor, match: Tensor) -> Tensor:
    """-log P(match) - sum over the rest of log(1 - P): Eq. 7, 12 and 17 for each row.

    Args:
        logits: (N, M) similarities over temperature.
        match: (N,) int64, the right column of each row.

    Returns:
        (N,) the negative log joint probability.
    """
    log_probability = logits.log_softmax(dim=1)
    right = log_probability.gather(1, match[:, None]).squeeze(1)
    if logits.shape[1] == 1:
        return -right
    wrong = log_miss(logits, log_probability).scatter(1, match[:, None], 0.0)
    return -right - wrong.sum(dim=1)
