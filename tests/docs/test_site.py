"""The documentation as a site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import DOCS, ROOT
from docstrings import mark_code

BUILD_TIMEOUT_S = 300.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    line = next(
        line.strip()
        for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
        if "-m sphinx" in line
    )
    _, _, options = line.partition("-m sphinx ")
    command = [sys.executable, "-m", "sphinx", *options.split()]
    assert {"-W", "-n"} <= set(command)
    command[-1] = str(folder / "html")
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return folder / "html"


def test_every_page_is_in_the_site(site: Path) -> None:
    """No page is left out, and each can be reached from the table of contents."""
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        if "_build" in page.parts:
            continue
        built = page.relative_to(DOCS).with_suffix(".html")
        assert (site / built).exists()
        assert page.name == "index.md" or f'href="{built}"' in index, page


def test_the_contract_is_in_the_site(site: Path) -> None:
    """Rules have anchors that can be linked to, and no mark-up shows through."""
    text = (site / "contract.html").read_text(encoding="utf-8")
    assert 'id="rule-read-timeout"' in text
    assert "&lt;!-- generated" not in text


def test_code_in_docstrings_is_shown_as_code(site: Path) -> None:
    """The example of the registry's docstring stands in a literal block."""
    text = (site / "sdk.html").read_text(encoding="utf-8")
    before, _, _ = text.partition("default_registry</span>")
    assert before.rfind('<div class="highlight') > before.rfind("</div>") - 2000
    assert "<blockquote>" not in text


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        (["Words.", "", "    code()"], ["Words.", "", "::", "", "    code()"]),
        (["Words::", "", "    code()"], ["Words::", "", "    code()"]),
        (["* item", "", "    more of it"], ["* item", "", "    more of it"]),
        ([":param x: words", "    more words"], [":param x: words", "    more words"]),
    ],
)
def test_indented_code_is_marked(lines: list[str], marked: list[str]) -> None:
    """Only a paragraph that is indented after one that is not is taken for code."""
    assert mark_code(lines) == marked
