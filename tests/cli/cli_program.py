"""The command as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

PROGRAM = (sys.executable, "-m", "sinetstream_cli.main")
TIMEOUT_S = 120.0

Run = Callable[..., subprocess.CompletedProcess[str]]
