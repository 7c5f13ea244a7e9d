"""Runs commands for `timing`: a process so small that it doesn't disturb what it measures.

It reads one JSON object a line, and answers each with one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Run what each line asks for, until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_run(asked["command"], asked["cwd"], asked["env"])), flush=True)


def _run(command: list[str], cwd: str | None, env: dict[str, str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"status": child.returncode, "seconds": seconds, "peak": peak, "said": text}


if __name__ == "__main__":
    main()
