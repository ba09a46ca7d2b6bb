"""What the search answers where the question is odd: at the border, of a blank image, and so on."""

from typing import Any

import torch
from IPython.display import HTML

from ldl.errors import LdlError
from ldl.localize import Localization, localize, match_template
from ldl.localize.toy import draw_scene, toy_embedder
from ldl.plots.show import prose, small_table

SIDE, WINDOW = 48, 8


def odd_questions() -> HTML:
    """Each question, with the toy embedder, and the answer or the error it gets."""
    scene = draw_scene(0, side=SIDE)
    inner = (20.0, 30.0)
    twice = torch.cat([scene[:, :, : SIDE // 2]] * 2, dim=2)
    small = torch.nn.functional.interpolate(scene[None], scale_factor=0.5, mode="area")[0]
    asked: list[tuple[str, Any, tuple[float, float], Any, float]] = [
        ("a point in the image", scene, inner, scene, WINDOW),
        ("a point in the corner pixel", scene, (0.0, 0.0), scene, WINDOW),
        ("a point outside", scene, (SIDE + 1.0, 5.0), scene, WINDOW),
        ("a blank query", scene, inner, torch.full_like(scene, 0.4), WINDOW),
        ("a blank support", torch.zeros_like(scene), inner, scene, WINDOW),
        ("the same half twice", twice, (20.0, 10.0), twice, WINDOW),
        ("a grey query of a colour support", scene, inner, scene[:1], WINDOW),
        ("a window of one pixel", scene, inner, scene, 1),
        ("a pixel that is not a number", scene, inner, scene.log(), WINDOW),
    ]
    rows = [{"question": prose(text), "answer": prose(_answer(*rest))} for text, *rest in asked]
    halved = match_template(scene, inner, small, window=WINDOW)
    rows.append(
        {"question": prose("a query of half the size (template matching)")}
        | {"answer": prose(_told(halved))}
    )
    return small_table(
        rows,
        caption=f"Scenes of {SIDE} × {SIDE} pixels, window {WINDOW}, toy embedder; the point asked "
        f"for is row {inner[0]:g}, column {inner[1]:g} unless something else is said. A query of "
        "another size answers in its own pixels.",
    )


def _answer(support: Any, point: Any, query: Any, window: float) -> str:
    try:
        found = localize(toy_embedder, support, point, query, window=window)
    except LdlError as error:
        return f"<b>refused</b>: {error}"
    return _told(found)


def _told(found: Localization) -> str:
    if found.point is None:
        return f"<b>{found.status}</b>: {found.reason}"
    row, column = found.point
    return f"<b>{found.status}</b>: row {row:.1f}, column {column:.1f}"
