"""A second Adam inside the one loop: the discriminator's, stepped after each of the loop's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor, nn

from ldl.train import checkpoint
from ldl.train.loop import Plan


class Opponent:
    """What is trained against the loop's network, with a rate of its own.

    Its weights take a gradient only within :meth:`update`, so that the loop's own backward pass,
    which goes through them, leaves none in them. Its moments belong into the stage's state.

    Args:
        net: the discriminator; its weights are in the stage's network and checkpointed there.
        plan: length and rate, as the loop's.
        betas: of Adam.
    """

    def __init__(
        self, net: nn.Module, plan: Plan, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.net, self.plan = net, plan
        self.adam = torch.optim.Adam(net.parameters(), lr=plan.learning_rate, betas=betas)
        net.requires_grad_(False)

    @contextmanager
    def thawed(self) -> Iterator[None]:
        """In it the discriminator's weights take a gradient."""
        self.net.requires_grad_(True)
        try:
            yield
        finally:
            self.net.requires_grad_(False)

    def update(self, loss: Tensor, step: int) -> None:
        """One step of Adam on ``loss``, computed while :meth:`thawed`.

        Args:
            loss: scalar.
            step: number of this update, counted from 0.
        """
        for group in self.adam.param_groups:
            group["lr"] = self.plan.rate(step)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.adam.zero_grad()

    def state(self) -> dict[str, Tensor]:
        return checkpoint.optimizer_tensors(self.adam)

    def restore(self, state: dict[str, Tensor]) -> None:
        checkpoint.restore_optimizer(self.adam, state)


class ImagePool:
    """Keeps up to ``size`` images; a full pool gives an old one for a new one every second time.

    Args:
        size: 50 in the original; 0 gives back what it is given.
    """

    def __init__(self, size: int, generator: Generator) -> None:
        self.size, self.generator = size, generator
        self.images: list[Tensor] = []

    def swap(self, images: Tensor) -> Tensor:
        """(B, C, H, W) new images -> as many, some of them old, without gradient."""
        return torch.stack([self._one(image) for image in images.detach()])

    def _one(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if not self.size or torch.rand(1, generator=self.generator).item() < 0.5:
            return image
        place = int(torch.randint(self.size, (1,), generator=self.generator))
        old, self.images[place] = self.images[place], image
        return old

    def state(self) -> dict[str, Tensor]:
        return {"images": torch.stack(self.images)} if self.images else {}

    def restore(self, state: dict[str, Tensor], device: torch.device) -> None:
        self.images = list(state["images"].to(device)) if state else []
