"""From a data config to banks: phantoms drawn once and kept, or prepared originals."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ldl import paths, phantoms
from ldl.config import DataConfig
from ldl.data import bank
from ldl.data.bank import ImageBank, TaskBank
from ldl.data.prepare import prepare_pretraining, prepare_task
from ldl.errors import DataError
from ldl.tasks import Modality, task_named

# As in the release, validation is the first fifth of the training list.
VALIDATION_SHARE = 0.2
PHANTOM_PRETRAINING, LEAST_PRETRAINING = 256, 16


def pretraining_bank(config: DataConfig, modality: Modality) -> ImageBank:
    """The unlabelled images of ``modality``.

    Raises:
        DataError: the originals are not at hand or damaged.
    """
    if config.source == "open":
        with _alone(f"open-{modality}-{config.size}"):
            opened = prepare_pretraining(modality, config.size, limit=config.images)
        if len(opened.ids) < LEAST_PRETRAINING:
            raise DataError(
                f"{opened.name}: {len(opened.ids)} images are too few to pretrain on and hold some "
                f"out; at least {LEAST_PRETRAINING} are needed"
            )
        return opened
    count = config.images or PHANTOM_PRETRAINING
    folder = _phantom_folder(f"{modality}-{count}", config)

    def draw() -> None:
        images = phantoms.pretraining_images(
            modality, count=count, size=config.size, seed=config.seed
        )
        with bank.BankWriter(folder, f"phantom-{modality}", count, images.shape[1:]) as writer:
            for number, image in enumerate(images):
                writer.add(f"{modality}-{number:04d}", image)

    _once(folder, draw)
    return bank.open_image_bank(folder)


def task_bank(config: DataConfig, task: str) -> TaskBank:
    """The labelled images of ``task``.

    Raises:
        ConfigError: unknown task.
        DataError: the originals are not at hand or damaged.
    """
    task_named(task)
    if config.source == "open":
        with _alone(f"open-{task}-{config.size}"):
            return prepare_task(task, config.size)
    folder = _phantom_folder(f"{task}-{config.train}-{config.test}", config)

    def draw() -> None:
        images, masks, ids = phantoms.task_images(
            task, train=config.train, test=config.test, size=config.size, seed=config.seed
        )
        splits = phantom_splits(config.train, config.test)
        with bank.BankWriter(
            folder, f"phantom-{task}", len(ids), images.shape[1:], masks=True
        ) as writer:
            for row in zip(ids, images, masks, splits, strict=True):
                writer.add(*row)

    _once(folder, draw)
    return bank.open_task_bank(folder)


def phantom_splits(train: int, test: int) -> list[str]:
    """Split names, training list first; its first fifth is the validation part."""
    held = int(train * VALIDATION_SHARE)
    if held < 1:
        raise DataError(f"{train} training images leave none for validation; draw at least 5")
    return ["validation"] * held + ["train"] * (train - held) + ["test"] * test


def _phantom_folder(name: str, config: DataConfig) -> Path:
    stamp = phantoms.fingerprint()[:8]
    folder = f"phantom-{name}-{config.size}-s{config.seed}-{stamp}"
    return paths.cache_dir() / "banks" / folder


def _alone(name: str) -> FileLock:
    """A lock that other processes wait for while a bank is being made."""
    folder = paths.cache_dir() / "banks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


def _once(folder: Path, draw: Callable[[], None]) -> None:
    """Draw a bank that is not there; other processes that want it wait and find it made."""
    if (folder / "index.json").is_file():
        return
    with _alone(folder.name):
        if not (folder / "index.json").is_file():
            draw()
