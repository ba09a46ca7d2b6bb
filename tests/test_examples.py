"""The example of the README does what it says, on a folder of phantoms."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from ldl.paths import repo_root
from ldl.phantoms import task_images


def test_a_folder_is_pretrained_on_and_fine_tuned(tmp_path: Path) -> None:
    source = repo_root() / "examples" / "pretrain_and_finetune.py"
    spec = importlib.util.spec_from_file_location("example", source)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    images, masks, _ = task_images("drishti_gs1_od", train=6, test=2, size=64, seed=0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        picture = Image.fromarray(np.moveaxis(np.asarray(image), 0, -1))
        picture.save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255).save(
            tmp_path / "masks" / f"{number}.png"
        )
    pretraining, tuning = example.main(tmp_path / "images", tmp_path / "masks", steps=12)
    assert np.mean(pretraining[-3:]) < np.mean(pretraining[:3])
    assert np.mean(tuning[-3:]) < np.mean(tuning[:3])
    assert len(source.read_text().splitlines()) < 80
