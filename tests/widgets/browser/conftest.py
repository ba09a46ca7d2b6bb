"""A real headless Chromium of the system, driven by Playwright, and the demo page to look at."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ldl.book import build
from ldl.book.build import build_html
from ldl.book.execute import execute
from ldl.book.parameters import notebook_path
from ldl.engine.profiles import PROFILES
from ldl.engine.store import SCHEMA, RunStore
from ldl.paths import executed_dir, repo_root
from ldl.report import networks as encoders
from ldl.runs.pretrain import PretrainConfig
from ldl.train import checkpoint
from ldl.widgets.demo import LANDMARKS, VARIANTS, demos, run_of

playwright = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def chromium() -> str:
    """The browser's path; where there is none, tests are skipped, in CI they fail."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = "no chromium on this machine; install Debian's package `chromium`"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """One for each test file: Playwright's event loop would be in the way of a notebook's."""
    path = chromium()
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


Open = Callable[..., playwright.Page]
# Keeps the last answer, and says how many there were.
LISTEN = """
window.heard = [];
const plain = (key, value) => (ArrayBuffer.isView(value) ? undefined : value);
document.addEventListener("ldl-answer", (event) =>
  window.heard.push(JSON.parse(JSON.stringify(event.detail, plain))));
"""


@pytest.fixture
def visit(browser: playwright.Browser) -> Iterator[Open]:
    """Open a page in a window of its own; faults and requests that leave the disk fail the test."""
    faults: list[str] = []
    contexts = []

    def one(url: str, *, width: int = 1280, theme: str = "light", wait=True, **more):
        context = browser.new_context(viewport={"width": width, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(f"localStorage.mode = localStorage.theme = {theme!r}; {LISTEN}")
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text}"))
        page.on("request", lambda one: one.url.startswith("http") and faults.append(one.url))
        page.goto(url)
        if wait:
            page.wait_for_function("window.heard.length > 0")
        return page

    yield one
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def answer_after() -> Callable[[playwright.Page, Callable[[], object]], dict]:
    """What a widget answers to an act, as it tells the page's listeners."""
    return _answer_after


def _answer_after(page: playwright.Page, act: Callable[[], object]) -> dict:
    page.wait_for_timeout(60)  # a resize may still be answered
    before = page.evaluate("window.heard.length")
    act()
    page.wait_for_function("count => window.heard.length > count", arg=before)
    page.wait_for_timeout(40)
    return page.evaluate("window.heard.at(-1)")


PAGE, PROFILE = "demo_localization", "smoke"
# Pages and papers that a book of one page does not have.
TIE = re.compile(r"\{doc\}`[^`]*`|\{cite\}`[^`]*`")


def _put_networks(profile: str, store: RunStore) -> None:
    """Fresh records and weights for all that the page shows; a test need not train."""
    for modality in LANDMARKS:
        for key in VARIANTS:
            config = run_of(key, modality, PROFILES[profile]).network
            assert config is not None
            store.save(config, _record(config))
            weights = encoders.untrained(config).net.state_dict()
            checkpoint.save(store.weights(config), weights, {"run_id": config.run_id()})


def _record(config: PretrainConfig) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "config": config.model_dump(mode="json"),
        "version": config.stamp(),
        "data": {"images": 0},
        "trained": False,
    }


def _build_page(root: Path, profile: str = "smoke") -> Path:
    """Execute the page below ``root`` and build it as the book is built; its build."""
    notebook = executed_dir() / f"{PAGE}.ipynb"
    ended = execute(notebook_path(PAGE), notebook, {"profile": profile})
    assert not ended.failure, ended.failure
    notebook.write_text(TIE.sub("", notebook.read_text()))
    source = repo_root()
    shutil.copytree(source / "book" / "assets", root / "book" / "assets")
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(source / name, root / name)
    contents = {"format": "jb-book", "root": f"{build.EXECUTED}/{PAGE}"}
    (root / "_toc.yml").write_text(yaml.safe_dump(contents))
    folder = build_html(root, root).parent
    return folder / build.EXECUTED / f"{PAGE}.html"


@pytest.fixture(scope="module")
def demo_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The built demo page under ``smoke``, and its scenes in Python; no browser may run yet."""
    chromium()
    root = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "RESULTS", "DATA"):
            patch.setenv(f"LDL_{name}", str(root / name.lower()))
        patch.setenv("LDL_EXECUTED", str(root / build.EXECUTED))
        _put_networks(PROFILE, RunStore())
        path = _build_page(root, PROFILE)
        yield SimpleNamespace(
            path=path, url=path.as_uri(), scenes=[one.scene for one in demos(PROFILE)]
        )
