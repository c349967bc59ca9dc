"""Makes children of a test believe that their kernel refuses namespaces."""

from __future__ import annotations

import sys

sys.path.insert(0, "")
try:
    from app.lib.jail import namespaces
except ImportError:  # begun in another directory
    pass
else:
    namespaces.enter_namespaces = lambda: False
