"""Run the commands of a text and write what they say below them.

A text has them in fenced blocks of kind `console`, each on a line that begins with `$ `. They run
one after the other in a folder of their own, which has the samples in it. A line above a block,
`<!-- shown: sum; patch to sample -->`, keeps the parts of the output that begin with these words
and puts `…` in place of the others; `<!-- shown: none -->` leaves all of it out.
`<!-- file: mine.toml -->` above a block makes that file of it.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import trades
from PIL import Image, ImageDraw

import convcli
from convcli.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(?:<!-- shown: (.*) -->\n)?```console\n((?:.*\n)*?)```")
_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w*\n((?:.*\n)*?)```")
#: What differs from run to run.
_TIME = re.compile(r"(?<=  time     )[\d.,]+(?= s$)|(?<=[a-z] in )[\d.,]+(?= s\b)")
_COMPILED = re.compile(r" s went into compiling ")
#: Words that only a shell understands.
_SHELL = set("|><&;")
_COPIES = {
    "photo.png": "camera.png",
    "photo.jpg": "rocket.jpg",
    "scan.tif": "float.tif",
    "photos/cat.png": "chelsea.png",
    "photos/rocket.jpg": "rocket.jpg",
    "photos/more/coffee.jpg": "coffee.jpg",
}
#: Which part of `photo.png` is `eye.png`.
_EYE = (105, 135, 200, 260)


def commands(text: str) -> list[str]:
    """Return the command lines of a text."""
    found = [block[2].splitlines() for block in _BLOCK.finditer(text)]
    return [line[2:] for lines in found for line in lines if line.startswith("$ ")]


def rewritten(text: str) -> str:
    """Run a text's commands; return it with what they say now.

    Raises
    ------
    ValueError
        If a command fails, or says nothing that begins with the words to be shown.
    """
    with workplace() as place:
        for name, content in _FILE.findall(text):
            (place / name).write_text(content, encoding="utf-8")
        return _BLOCK.sub(_filled, text)


@contextmanager
def workplace() -> Iterator[Path]:
    """Change into a new folder that has the samples, and images as people call theirs."""
    with TemporaryDirectory() as name:
        place = Path(name)
        skip = shutil.ignore_patterns("__pycache__", "*.py", "*.md")
        shutil.copytree(ROOT / "samples", place / "samples", ignore=skip)
        for copy, sample in _COPIES.items():
            (place / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "samples" / sample, place / copy)
        top, bottom, left, right = _EYE
        eye = convcli.read(ROOT / "samples" / "camera.png").pixels[top:bottom, left:right]
        convcli.write(place / "eye.png", convcli.Image(eye))
        _animate(place / "moon.gif")
        trades.make(place)
        with chdir(place), patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}):
            os.environ.pop("FORCE_COLOR", None)
            yield place


def _animate(path: Path) -> None:
    """Write an animation of four frames: a bright disk that moves."""
    frames = []
    for left in (8, 16, 24, 32):
        frame = Image.new("L", (64, 48), 30)
        ImageDraw.Draw(frame).ellipse((left, 12, left + 23, 35), fill=220)
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, loop=0)


def _filled(block: re.Match[str]) -> str:
    """Return a block with the output of its commands."""
    mark = f"<!-- shown: {block[1]} -->\n" if block[1] else ""
    lines = []
    for command in commands(block[0]):
        lines += [f"$ {command}", *_chosen(said(command), block[1], command)]
    return f"{mark}```console\n" + "".join(f"{line}\n" for line in lines) + "```"


def said(command: str) -> list[str]:
    """Run one command line; return what it said, without what differs from run to run."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    plain = command.startswith("convcli ") and not any(set(word) <= _SHELL for word in words)
    status, output = _here(command) if plain else _in_shell(command)
    if status:
        raise ValueError(f"{command}: exit status {status}\n{output}")
    kept = (line.rstrip() for line in output.rstrip().splitlines() if not _COMPILED.search(line))
    return [_TIME.sub("…", line) for line in kept]


def _here(command: str) -> tuple[int, str]:
    """Run a command of convcli in this process."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(stream), redirect_stderr(stream):
        status = main(shlex.split(command)[1:])
    return status, stream.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def _in_shell(command: str) -> tuple[int, str]:
    """Run a command line with pipes as a shell does; `convcli` is the one beside these texts."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "convcli"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m convcli "$@"\n')
        script.chmod(0o755)
        paths = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=os.environ | paths,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
    return done.returncode, done.stdout.decode("utf-8")


def _chosen(lines: list[str], spans: str | None, command: str) -> list[str]:
    """Return the parts of an output that are to be shown."""
    if not spans:
        return lines
    if spans == "none":
        return []
    kept: set[int] = set()
    at = 0
    for span in spans.split("; "):
        first, _, last = span.partition(" to ")
        start = _find(lines, first, at, command)
        end = _find(lines, last, start, command) if last else start
        at = _end(lines, end)
        kept.update(range(start, at))
    shown: list[str] = []
    for number, line in enumerate(lines):
        if number in kept:
            shown.append(line)
        elif shown[-1:] != ["…"] and any(lines[number:]):
            shown.append("…")
    return shown


def _find(lines: list[str], words: str, at: int, command: str) -> int:
    for number in range(at, len(lines)):
        if lines[number].lstrip().startswith(words):
            return number
    raise ValueError(f"{command}: no line begins with {words!r} in\n" + "\n".join(lines))


def _end(lines: list[str], start: int) -> int:
    """Return where a part ends that begins at a line: after what is indented further."""
    deep = _indent(lines[start])
    end = start + 1
    while end < len(lines) and lines[end] and _indent(lines[end]) > deep:
        end += 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
