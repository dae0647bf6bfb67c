"""The workflow of the page on CI, run step by step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from doc_pages import DOCS, ROOT, blocks
from doc_shell import Shell, make_venv
from test_pages import LEFTOVERS


def test_the_steps_of_the_workflow_run(tmp_path: Path) -> None:
    """On the queue plugin each step ends well, and the report is where the last one looks."""
    page = DOCS / "howto" / "test-in-ci.md"
    (text,) = (block.text for block in blocks(page) if block.caption.endswith(".yml"))
    steps = yaml.safe_load(text)["jobs"]["judge"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert len(commands) == 3
    work = tmp_path / "work"
    shutil.copytree(ROOT / "reference_plugins" / "queue", work, ignore=LEFTOVERS)
    shell = Shell(work, tmp_path / "state", make_venv(tmp_path / "venv"))
    commands[-1] += " --sinetstream-rule='PKG-*'"  # all of them are judged elsewhere
    for command in commands:
        status, output = shell.run(command)
        assert status == 0, f"{command}: exit code {status}\n{output}"
    (upload,) = (step["with"] for step in steps if "upload" in step.get("uses", ""))
    (report,) = json.loads((work / upload["path"]).read_text(encoding="utf-8"))
    assert report["plugin"] == "queue"
