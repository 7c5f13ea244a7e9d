"""The usual command line of `apply`, understood without Click.

JUSTIFICATION: to import Click and to make its options takes longer than to decode 12 megapixels.
What isn't surely understood here, and every mistake, is left to Click; `tests/test_quick.py`
compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from convcli.errors import KernelError

#: Flags, by what they set.
FLAGS = {
    "-r": "recursive",
    "--recursive": "recursive",
    "--overwrite": "overwrite",
    "--skip-existing": "skip_existing",
    "--fail-fast": "fail_fast",
    "--json": "as_json",
    "-q": "quiet",
    "--quiet": "quiet",
    "-v": "verbose",
    "--verbose": "verbose",
    "--dry-run": "dry_run",
}
_OUTPUT = ("-o", "--output")
#: Click's defaults; the flags' are false.
_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(
        ("output", "format_", "quality", "compress", "max_pixels", "frame", "from_file", "compare")
    ),
    **dict.fromkeys(("include", "exclude"), ()),
    **dict.fromkeys(("null", "show", "lenient", "volume"), False),
    "timeout": 600.0,
}


def parse(arguments: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """Understand what follows `apply`.

    Parameters
    ----------
    arguments
        As typed.

    Returns
    -------
    tuple or None
        The kernel as typed, and what Click would hand over beside kernels and spec; None for
        what is left to Click.

    Examples
    --------
    >>> kernel, given = parse(["sobel", "a.png", "-o", "b.png"])
    >>> kernel, given["images"], given["output"]
    ('sobel', ('a.png',), 'b.png')
    """
    given: dict[str, Any] = {**_DEFAULTS, **dict.fromkeys(FLAGS.values(), False)}
    words, asked = [], set()
    left = iter(arguments)
    for word in left:
        if word in FLAGS:
            given[FLAGS[word]] = True
            asked.add(FLAGS[word])
        elif word in _OUTPUT:
            given["output"] = next(left, "")
            asked.add("output")
            if given["output"][:1] in ("", "-"):
                return None
        elif word[:1] in ("", "-"):
            return None
        else:
            words.append(word)
    if len(words) < 2 or "_CONVCLI_COMPLETE" in os.environ:
        return None
    given["images"], given["typed"] = tuple(words[1:]), (words[0],)
    given["asked"] = frozenset(asked)
    return words[0], given


def attempt(arguments: Sequence[str]) -> int | None:
    """Filter images; None, with nothing done, for what is left to Click."""
    found = parse(arguments)
    if found is None:
        return None
    text, given = found
    ahead = None
    # Many are handed out to processes, and this one must not have threads then.
    alone = len(given["images"]) == 1
    if alone and not given["dry_run"] and not given["skip_existing"]:
        from convcli.image.decode_ahead import look_ahead

        # Its pixels are decoded while the rest is imported.
        ahead = look_ahead(given["images"][0])
    from convcli.kernels import parse_kernel
    from convcli.spec import Spec

    try:
        kernel = parse_kernel(text)
    except KernelError:
        return None
    from convcli.cli.filtering import filter_images

    return filter_images((kernel,), Spec(), given, ahead)
