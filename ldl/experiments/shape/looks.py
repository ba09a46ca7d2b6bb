"""A guided clustering to look at: its regions, its pseudo labels and their doubt."""

from dataclasses import dataclass

import numpy as np
import torch

from ldl import plots
from ldl.data.colour import normalise
from ldl.data.field import field_masks
from ldl.data.sources import pretraining_bank
from ldl.engine.store import Record, RunStore
from ldl.experiments import report
from ldl.losses.refinement import clustered
from ldl.losses.vectors import region_vectors
from ldl.methods.guided import TARGET
from ldl.metrics_shape import Shape, shape_of
from ldl.rng import generator
from ldl.runs.shape import GuideConfig
from ldl.train import checkpoint
from ldl.train.feed import Feed
from ldl.train.pretrain import held_out_rows
from ldl.train.pseudo import Labelled, brought_to, label_images
from ldl.train.shape.outputs import guided_net

LOOKS = 30
THRESHOLD = 0.5


@dataclass(frozen=True)
class Look:
    """Held-out images under a guide.

    Attributes:
        config: of the guide.
        images: (N, 3, S, S) uint8, grey where they may not be shown.
        clusters: (N, S, S) the most probable region.
        ori, clu: (N, S, S) the target's r and r*.
        labelled: pseudo labels and doubt.
        fields: (N, S, S) fields of view.
        count: C.
    """

    config: GuideConfig
    images: np.ndarray
    clusters: np.ndarray
    ori: np.ndarray
    clu: np.ndarray
    labelled: Labelled
    fields: np.ndarray
    count: int

    @property
    def kind(self) -> str:
        """For captions."""
        return "phantoms" if self.config.data.source == "phantom" else "real images"

    @property
    def shape(self) -> Shape:
        """Of the target regions."""
        return shape_of(self.ori > THRESHOLD, self.fields)


def guided(config: GuideConfig, store: RunStore, *, count: int) -> Look:
    """Held-out images under the finished guide ``config``, whose weights are in ``store``."""
    net = guided_net(config, checkpoint.load(store.weights(config))[0], torch.device("cpu"))
    region = config.region
    bank = pretraining_bank(config.data, region.modality)
    rows = held_out_rows(len(bank.ids))[1][:count]
    values = brought_to(torch.from_numpy(np.array(bank.images[rows])), region.crop)
    with torch.no_grad():
        embedding, assignment = net(normalise(values))
        again = clustered(
            embedding,
            region_vectors(embedding, assignment),
            temperature=region.region_temperature,
        )
    labelled = label_images(
        net,
        Feed(bank.images, torch.device("cpu")),
        rows,
        crop=region.crop,
        augmentations=LOOKS,
        temperature=region.region_temperature,
        generator=generator(config.seed, "looks"),
    )
    images = labelled.images.numpy()
    hidden = np.full_like(images, 96) if config.data.source == "open" else images
    return Look(
        config,
        hidden,
        assignment.argmax(dim=1).numpy(),
        assignment[:, TARGET].numpy(),
        again[:, TARGET].numpy(),
        labelled,
        field_masks(images),
        assignment.shape[1],
    )


def show_maps(look: Look, record: Record) -> None:
    """Image, regions, and the target by both outputs."""
    rows = [
        [
            look.images[k],
            plots.cluster_colours(look.clusters[k], look.count).transpose(2, 0, 1),
            look.ori[k],
            look.clu[k],
        ]
        for k in range(len(look.images))
    ]
    lost = record["collapse"]
    verdict = f"collapsed: {lost}" if lost else "vessel-like"
    plots.show(
        plots.image_grid(rows, titles=["image", f"{look.count} regions", "OutOri", "OutClu"]),
        caption=f"Held-out images under a guide ({look.kind}): its regions, and the target by the "
        f"branch and by the embedding (white: 1). The watch calls this run {verdict}. "
        f"{report.provenance_words([record | {'config': _flat(record)}])}",
        alt=f"{len(rows)} rows of a fundus image, its regions, and two maps of the target region, "
        f"which covers {100 * look.shape.share:.0f} percent of the field of view.",
    )


def _flat(record: Record) -> Record:
    """A guide's config as report words want it: data and seed at the top."""
    region = record["config"]["region"]
    return {"data": region["data"], "seed": region.get("seed", 0)}


def show_labels(look: Look) -> None:
    """OutClu, the pseudo label, the doubt, and what each sign of the weight makes of it."""
    most = float(np.log(2))
    rows = [
        [
            look.images[k],
            look.clu[k],
            look.labelled.labels[k].numpy(),
            plots.heat(look.labelled.doubt[k].numpy(), 0, most),
            plots.heat(most - look.labelled.doubt[k].numpy(), 0, most),
        ]
        for k in range(len(look.images))
    ]
    doubt = look.labelled.doubt.numpy()[look.fields].mean()
    share = look.labelled.labels.numpy()[look.fields].mean()
    titles = ["image", "OutClu, one look", "label", "doubt u", "1 − u"]
    plots.show(
        plots.image_grid(rows, titles=titles, width=1.15),
        caption=f"Pseudo labels of {LOOKS} looks ({look.kind}) and the two weights of a pixel "
        f"(yellow: 1). Inside the field of view {100 * share:.1f} % is labelled vessel, and the "
        f"mean doubt is {doubt:.2f} of at most {most:.2f}.",
        alt=f"{len(rows)} rows of an image, its target map, its pseudo label, and the two weights.",
    )
