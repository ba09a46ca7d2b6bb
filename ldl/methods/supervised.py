"""Supervised: the grade of diabetic retinopathy (LDL section 6.1.3)."""

from typing import Any

import torch.nn.functional as F
from torch import nn

from ldl.data.recipes import PLAIN
from ldl.errors import DataError
from ldl.methods.base import ClassifierNet, Comparison, Outcome, Step
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision

GRADES = 5


class Supervised(Comparison):
    """Plain cross-entropy over the five grades.

    The paper says only that the encoder is trained on the classification label. Our choices: mild
    views, so that small lesions stay in the picture with their colour; no class weights, although
    three of four images have grade 0. Where EyePACS is the reduced copy, every image of grade 0
    comes from the authors' list of good quality and no other does: quality tells part of the
    answer there. Nothing is changed for our scale.
    """

    title = "Supervised"
    paper = "LDL, section 6.1.3"
    level = "image"
    idea = "A network learns the grade that doctors gave the image."
    labels = True

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return ClassifierNet(encoder, encoder.channels[-1], GRADES)

    def step(self, model: Any, given: Step) -> Outcome:
        """Cross-entropy of the grades."""
        if given.batch.labels is None:
            raise DataError("method 'supervised' needs a grade for each image; none were given")
        scores, features = model(given.view(PLAIN).image)
        loss = F.cross_entropy(full_precision(scores), given.batch.labels)
        return Outcome({"grade": loss}, features.detach())
