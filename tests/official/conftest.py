"""Makes the scripts of the field report importable."""

import sys

from environments import ROOT

sys.path.insert(0, str(ROOT))
