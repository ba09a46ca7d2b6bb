"""A picture of the demo for the README, taken in the system's Chromium from a built book.

python scripts/screenshot.py [_build/html/book/executed/demo_localization.html]
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "_build" / "html" / "book" / "executed" / "demo_localization.html"
PICTURE = ROOT / "book" / "assets" / "demo.png"
WIDTH, COLOURS = 1200, 192
VARIANT, POINT = "Pd+mix", "Point on the disc"


def taken(page: Path) -> bytes:
    """The widget as a png, the point on the disc."""
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": 900})
        shown.goto(page.resolve().as_uri())
        shown.get_by_label(VARIANT, exact=True).check()
        shown.get_by_role("button", name=POINT).click()
        shown.wait_for_timeout(1000)  # what is spoken follows what is drawn
        picture: bytes = shown.locator(".ldl-widget").screenshot()
        browser.close()
    return picture


def main() -> None:
    """Write the picture with as many colours as it needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, nargs="?", default=PAGE)
    image = Image.open(io.BytesIO(taken(parser.parse_args().page))).convert("RGB")
    image.quantize(COLOURS).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {image.size}, {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
