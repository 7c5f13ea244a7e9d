"""Kernels: what they are, those known by name, and those that people write themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcli.kernels.check import Checked, FileCheck, check_file
    from convcli.kernels.exact import PlacedError
    from convcli.kernels.files import read_kernel
    from convcli.kernels.generators import GENERATORS, generate
    from convcli.kernels.kernel import Combine, Compound, Kernel, Kind, Symmetry
    from convcli.kernels.matrix import format_matrix, parse_matrix
    from convcli.kernels.notation import SUFFIXES, parse_kernel
    from convcli.kernels.registry import Listing, families, get_kernel, names, suggest

_HOME = {
    "Checked": "check",
    "FileCheck": "check",
    "check_file": "check",
    "PlacedError": "exact",
    "read_kernel": "files",
    "GENERATORS": "generators",
    "generate": "generators",
    "Combine": "kernel",
    "Compound": "kernel",
    "Kernel": "kernel",
    "Kind": "kernel",
    "Symmetry": "kernel",
    "format_matrix": "matrix",
    "parse_matrix": "matrix",
    "SUFFIXES": "notation",
    "parse_kernel": "notation",
    "Listing": "registry",
    "families": "registry",
    "get_kernel": "registry",
    "names": "registry",
    "suggest": "registry",
}

__all__ = [
    "GENERATORS",
    "SUFFIXES",
    "Checked",
    "Combine",
    "Compound",
    "FileCheck",
    "Kernel",
    "Kind",
    "Listing",
    "PlacedError",
    "Symmetry",
    "check_file",
    "families",
    "format_matrix",
    "generate",
    "get_kernel",
    "names",
    "parse_kernel",
    "parse_matrix",
    "read_kernel",
    "suggest",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: a list of names, as for shell completion, needs no NumPy."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
