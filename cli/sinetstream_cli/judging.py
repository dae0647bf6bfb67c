"""What ``sinetstream-sdk check`` does: run pytest with the kit, and tell what became of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec

from sinetstream_cli.oneline import BROKEN, FINDINGS, MISUSE, OK, Misuse

# Those of pytest, in the terms of this command. 5 is "no test was collected".
STATUSES: Mapping[int, int] = {0: OK, 1: FINDINGS, 4: MISUSE, 5: MISUSE}
_NEEDED = ("pytest", "hypothesis", "psutil", "packaging")


def command(
    names: Sequence[str], kit: Mapping[str, Sequence[str]], rest: Sequence[str]
) -> list[str]:
    """The command line that judges plugins.

    :param names: the plugins' type names
    :param kit: options of the kit without their prefix, each with the values given
    :param rest: what is passed on to pytest as it is
    """
    # What a folder has pytest do by default is no part of what is to be judged.
    line = [sys.executable, "-m", "pytest", "-o", "addopts="]
    line += [f"--sinetstream-plugin={name}" for name in names]
    line += [f"--sinetstream-{name}={value}" for name, values in kit.items() for value in values]
    return [*line, *rest]


def judge(names: Sequence[str], kit: Mapping[str, Sequence[str]], rest: Sequence[str]) -> int:
    """Judge plugins and return the exit code.

    :raises Misuse: the kit cannot be run here
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise Misuse(
            f"the conformance kit lacks {', '.join(missing)}; "
            "pip install 'sinetstream-plugin-sdk[conformance]'"
        )
    line = command(names, kit, rest)
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        line[3:3] = ["-p", "sinetstream_conformance.pytest_plugin"]
    with subprocess.Popen(line) as pytest:
        while pytest.poll() is None:
            # An interrupt reaches pytest too, which then takes its harness down: wait for that.
            with suppress(KeyboardInterrupt):
                pytest.wait()
    return STATUSES.get(pytest.returncode, BROKEN)
