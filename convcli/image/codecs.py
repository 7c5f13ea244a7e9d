"""The codec libraries: imported when a file needs them, and kept from talking to the user."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

_SILENT = logging.NullHandler()


def load(name: str) -> Any:
    """Return `imagecodecs` or `tifffile`.

    Both remark upon odd files through `logging`, and a logger without a handler prints on
    standard error.
    """
    logging.getLogger(name).addHandler(_SILENT)
    return import_module(name)
