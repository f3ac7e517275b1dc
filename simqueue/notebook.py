"""The notebook that this runs in, if it runs in one."""

from __future__ import annotations

import sys
from typing import Any


def shell() -> Any:
    """IPython's shell; ``None``: this runs without one."""
    # Whoever runs in IPython has imported it, so nothing is loaded here that is not there.
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def attended() -> bool:
    """Whether somebody sits in front of this notebook.

    A program that only runs notebooks says that nobody is there to answer `input`; JupyterLab says
    that somebody is (``allow_stdin`` in Jupyter's messages).
    """
    kernel = getattr(shell(), "kernel", None)
    asked = kernel.get_parent("shell") if kernel is not None else {}
    return bool(asked.get("content", {}).get("allow_stdin", False))
