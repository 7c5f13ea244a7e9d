"""Whether a fill value is one that an image can have: a level, or any number among values."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from convcli.batch import STREAM, Job
from convcli.errors import ConvError, UsageError
from convcli.image.header import VALUES
from convcli.image.source import facts_of
from convcli.spec import Spec

#: The level of white that `fill` counts in.
_WHITE = 255


def check_fill(spec: Spec, jobs: Sequence[Job]) -> None:
    """Refuse a fill that is no level, unless all images have values.

    Raises
    ------
    UsageError
        If one has levels. What can't be read is reported when it is.
    """
    if 0 <= spec.fill <= _WHITE:
        return
    for job in jobs:
        header = None
        with suppress(ConvError, OSError, ValueError):
            header = facts_of(job.source) if job.source != STREAM else None
        if header is not None and header.dtype not in VALUES:
            refuse_fill(spec.fill)


def refuse_fill(fill: float) -> None:
    """Refuse a fill that is no level.

    Raises
    ------
    UsageError
        Always; as Click does it.
    """
    said = f"expected a number from 0 to {_WHITE}; got '{fill:g}'"
    raise UsageError(f"invalid value for '--fill': {said}")
