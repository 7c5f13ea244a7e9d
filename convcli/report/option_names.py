"""The command line's options for the parameters that the library's messages name.

The library says "leave `method` out", as its callers write it; whoever typed a command reads
"leave --method out". A message marks a parameter's name with backquotes, and nothing else.
"""

from __future__ import annotations

import re

#: Parameters that messages name, and their options; `tests/test_option_names.py` compares these
#: with the messages on the one side, with what Click is told on the other.
OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("alpha", "apart", "bands", "bias", "channels", "compare", "compress", "depth"),
        *("dilation", "divisor", "exclude", "fill", "format", "frame", "gray", "include", "jobs"),
        *("lenient", "linear", "luma", "max_pixels", "method", "mode", "montage", "overwrite"),
        *("padding", "quality", "recursive", "scale", "size", "skip_existing", "stride"),
        *("timeout", "top", "anchor", "border", "flip_rows", "keep_edges", "like", "mask"),
        *("region", "rounding", "least_share", "missing", "nodata"),
    )
} | {
    "least": "--min",
    "list_file": "--from-file",
    "mapping": "--map",
    "marks": "-o",
    "null": "-0",
    "output": "-o",
    "path": "-o",
    "scores": "--map",
}
#: A name that stands for itself: what a file is called may have backquotes, too.
MARKED = re.compile(r"(?<![^\s(])`(\w+)`(?=[,;:.)]*(?:\s|$))")


def as_options(text: str) -> str:
    """Return a message with options instead of the parameters that it names.

    Examples
    --------
    >>> as_options("`mapping` raw needs floats; leave `depth` out, or write `a.tif`")
    '--map raw needs floats; leave --depth out, or write `a.tif`'
    """
    return MARKED.sub(lambda found: OPTIONS.get(found[1], found[0]), text)
