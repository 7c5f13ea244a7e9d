"""What was measured on, and with what."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import peers, tools
from bench.images import ROOT

_PACKAGES = (
    *("numpy", "numba", "llvmlite", "pillow", "imagecodecs", "tifffile", "click"),
    *("opencv-python-headless", "scipy", "torch"),
)
#: Instruction sets worth knowing of, by Linux's names.
_FLAGS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "neon", "sve")


def describe() -> dict[str, str]:
    """Return the machine, the system, versions, date and commit, by what they are called."""
    facts = {
        "CPU": _cpu(),
        "instruction sets": ", ".join(_flags()) or "unknown",
        "processors": str(os.cpu_count()),
        "memory": f"{_memory() / 2**30:.1f} GiB" if _memory() else "unknown",
        "system": f"{platform.system()} {platform.release()}, {_libc()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "convcli": f"{version_of('convcli')}, commit {_commit()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    facts["libraries"] = ", ".join(f"{name} {version_of(name)}" for name in _PACKAGES)
    said = sorted({tool.version() for tool in tools.TOOLS if tool.programs and tool.program})
    facts["other tools"] = ", ".join(said) or "none"
    missing = [tool.name for tool in tools.TOOLS if not tool.program] + peers.missing()
    facts["not installed"] = ", ".join(missing) or "nothing of what is compared with"
    return facts


def version_of(package: str) -> str:
    """Return a package's version, or that it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu_lines(key: str) -> list[str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.split("\t")[0] == key]


def _cpu() -> str:
    """Return the model's name, family and model: virtual machines may hide the rest."""
    names, families, models = (_cpu_lines(key) for key in ("model name", "cpu family", "model"))
    if not names:
        return platform.processor() or platform.machine()
    return f"{names[0]} (family {families[0]}, model {models[0]})" if families else names[0]


def _flags() -> list[str]:
    known = " ".join(_cpu_lines("flags")[:1] + _cpu_lines("Features")[:1]).split()
    return [flag for flag in _FLAGS if flag in known]


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _libc() -> str:
    return " ".join(platform.libc_ver()).strip() or sys.platform


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return "unknown"

    def said(*words: str) -> str:
        done = subprocess.run([git, "-C", str(ROOT), *words], capture_output=True, text=True)
        return done.stdout.strip()

    changed = said("status", "--porcelain", "--", "convcli", "kernels.toml", "bench/*.py")
    return said("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")
