"""The interactive page: one file of HTML that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from convcli.geometry import Pair
from convcli.image.atomic import write_atomic
from convcli.report.lines import named

if TYPE_CHECKING:
    from convcli.teach.explain import Study

#: In the order they run.
_SCRIPTS = ("draw.js", "lab.js", "lessons.js", "image.js", "start.js")


def write(
    path: str | Path,
    study: Study,
    source: str = "",
    *,
    at: Pair | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the page of a kernel and an image to a file that appears whole or not at all.

    Parameters
    ----------
    path
        The target.
    study
        The user's kernel on the user's image or grid.
    source
        What the image is called; '' for the built-in grid.
    at
        (row, col) of the output to begin with, counted from 0; None for the largest response.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    ImageError
        If the file exists, or it can't be written.
    UsageError
        If the kernel is too large for a page.
    """
    return write_atomic(path, page(study, source, at=at).encode(), overwrite)


def page(study: Study, source: str = "", *, at: Pair | None = None) -> str:
    """Return the page; the parameters are those of `write`."""
    from convcli.report.page.data import embedded, sections
    from convcli.report.page.your_image import your_image
    from convcli.teach.lessons import lessons

    subject = f"{named(study.kernel.name)} on {source or 'a small grid'}"
    style = _text("page.css")
    script = "\n".join(_text(name) for name in _SCRIPTS)
    parts = {
        "title": escape(f"{subject}, number by number"),
        "subject": escape(subject),
        "policy": f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
        "style": style,
        "data": embedded(sections(lessons()) | {"yours": your_image(study, source, at)}),
        "script": script,
    }
    # One pass: what is filled in is not searched for marks again.
    pieces = _text("page.html").split("@@")
    return "".join(parts[piece] if k % 2 else piece for k, piece in enumerate(pieces))


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A text as a content security policy names it: nothing else runs in the page."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
