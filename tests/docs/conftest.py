"""Lets the tests import the Sphinx extensions of the docs."""

from __future__ import annotations

import sys

from doc_pages import DOCS

sys.path.insert(0, str(DOCS / "_ext"))
