"""From a data config to banks: phantoms drawn once and kept, or prepared originals."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ldl import paths
from ldl.config import DataConfig
from ldl.data.bank import Bank, bank_of, image_rows, made, open_images
from ldl.data.bank_writer import BankWriter
from ldl.data.drawn import phantoms
from ldl.data.prepare import prepare_fine, prepare_pretraining, prepare_task
from ldl.errors import DataError
from ldl.runs.base import PHANTOMS
from ldl.tasks import Modality, task_named

# As in the release, validation is the first fifth of the training list.
VALIDATION_SHARE = 0.2
PHANTOM_PRETRAINING, LEAST_PRETRAINING = 256, 16


def pretraining_bank(config: DataConfig, modality: Modality) -> Bank:
    """The unlabelled images of ``modality``.

    Raises:
        DataError: the originals are not at hand or damaged.
    """
    if config.source == "folder":
        return folder_images(config)
    if config.source == "open":
        prepare = prepare_fine if config.pool == "fine" else partial(prepare_pretraining, modality)
        opened = prepare(config.size, limit=config.images)
        if len(opened.ids) < LEAST_PRETRAINING:
            raise DataError(
                f"{opened.name}: {len(opened.ids)} images are too few to pretrain on and hold some "
                f"out; at least {LEAST_PRETRAINING} are needed"
            )
        return opened
    count = config.images or PHANTOM_PRETRAINING

    def draw(folder: Path) -> None:
        images = phantoms().pretraining_images(
            modality, count=count, size=config.size, seed=config.seed, closer=config.closer
        )
        rows = image_rows(images.shape[1:])
        with BankWriter(folder, f"phantom-{modality}", rows, count=count) as writer:
            for number, image in list(enumerate(images))[writer.done :]:
                writer.add(f"{modality}-{number:04d}", [{"images": image}], split="train")

    return _drawn(f"{modality}-{count}", config, draw)


def task_bank(config: DataConfig, task: str) -> Bank:
    """The labelled images of ``task``; of a folder they are all that its bank holds.

    Raises:
        ConfigError: unknown task.
        DataError: the originals are not at hand or damaged.
    """
    if config.source == "folder":
        return folder_images(config)
    task_named(task)
    if config.source == "open":
        return prepare_task(task, config.size)

    def draw(folder: Path) -> None:
        images, masks, ids = phantoms().task_images(
            task,
            train=config.train,
            test=config.test,
            size=config.size,
            seed=config.seed,
            closer=config.closer,
        )
        splits = phantom_splits(config.train, config.test)
        rows = image_rows(images.shape[1:], masks=True)
        with BankWriter(folder, f"phantom-{task}", rows, count=len(ids)) as writer:
            drawn = list(zip(ids, images, masks, splits, strict=True))
            for id, image, mask, split in drawn[writer.done :]:
                writer.add(id, [{"images": image, "masks": mask}], split=split)

    return _drawn(f"{task}-{config.train}-{config.test}", config, draw)


def folder_images(config: DataConfig) -> Bank:
    """The bank of one's own images, which `ldl.data.own` made of a folder.

    Raises:
        DataError: it is no longer in the cache.
    """
    folder = bank_of(config.content)
    if folder is None:
        raise DataError(
            f"{paths.cache_dir() / 'banks'}: your images of content {config.content} are no longer "
            "there; call the command again with their folder"
        )
    return open_images(folder)


def phantom_splits(train: int, test: int) -> list[str]:
    """Split names, training list first; its first fifth is the validation part."""
    held = int(train * VALIDATION_SHARE)
    if held < 1:
        raise DataError(f"{train} training images leave none for validation; draw at least 5")
    return ["validation"] * held + ["train"] * (train - held) + ["test"] * test


def _drawn(name: str, config: DataConfig, draw: Callable[[Path], None]) -> Bank:
    label = f"phantom-{name}-{config.size}-s{config.seed}"
    return open_images(made(label, [label, PHANTOMS, config.closer], draw))
