"""A network of ldl in onnxruntime; needs onnxruntime and numpy, but neither torch nor ldl.

    from ldl_onnx import CARD, run
    outputs = run(images)         # by name: feature maps of an encoder, or "probabilities"

Images are (B, C, H, W) float32 with H and W multiples of 16, normalised: (x / 255 - mean) / std
with ``CARD["mean"]`` and ``CARD["std"]``.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
CARD = json.loads((HERE / "card.json").read_text(encoding="utf-8"))
_SESSION = onnxruntime.InferenceSession(
    str(HERE / "model.onnx"), providers=onnxruntime.get_available_providers()
)


def run(images: np.ndarray) -> dict[str, np.ndarray]:
    """(B, C, H, W) float32 -> arrays by output name."""
    names = [one.name for one in _SESSION.get_outputs()]
    return dict(zip(names, _SESSION.run(names, {"images": images}), strict=True))


if __name__ == "__main__":
    size = CARD["size"]
    for name, one in run(np.zeros((1, CARD["channels"], size, size), np.float32)).items():
        print(name, one.shape)
