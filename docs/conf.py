"""How Sphinx builds the docs: ``make docs``."""

import sys
from pathlib import Path

from sinetstream_sdk import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "SINETStream plugin SDK"
author = "SINETStream plugin SDK contributors"
copyright = author  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "contract", "docstrings"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True

nitpicky = True
# No inventory of other projects is fetched, so their names cannot be links.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(_?asyncio|collections|concurrent|contextlib|difflib|enum|pathlib|promise|ssl|threading|types)\..*",
    ),
    (r"py:.*", r"(sinetstream_sdk\.\w+\.)?[A-Z]"),  # type variables
    (r"py:.*", r"Path"),
    (r"py:.*", r"sinetstream_sdk\.linked\._\w+"),  # what a role asks of its link
]

html_theme = "furo"
html_title = f"SINETStream plugin SDK {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
