"""The one door for randomness: every generator is derived from a seed and a list of names."""

import hashlib

import numpy as np
import torch


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed for ``names`` under ``seed``; equal arguments give equal numbers everywhere."""
    text = "/".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: object, device: str | torch.device = "cpu") -> torch.Generator:
    return torch.Generator(device=device).manual_seed(derive(seed, *names))


def numpy_generator(seed: int, *names: object) -> np.random.Generator:
    return np.random.default_rng(derive(seed, *names))


def seed_everything(seed: int, *names: object) -> None:
    """Seed torch's global generator, which network initialisation draws from."""
    torch.manual_seed(derive(seed, *names))


def sent(drawn: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """What was drawn on the CPU, where ``like`` is, without waiting for that device's queue.

    Floating values take the type of ``like``, where that is floating; others keep theirs.
    """
    both = drawn.is_floating_point() and like.is_floating_point()
    dtype = like.dtype if both else drawn.dtype
    return drawn.to(like.device, dtype, non_blocking=True)
