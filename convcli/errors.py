"""What can go wrong, by subject; each message is one line that a person can act on.

A message says what was wrong, what was expected and got, and what to do. Parameters that it names
stand in backquotes, as "leave `method` out"; the command line makes options of them
(`report.option_names`).
"""

from __future__ import annotations


class ConvError(Exception):
    """Something that convcli was asked for can't be done."""


class UsageError(ConvError):
    """The request itself is wrong: no image could make it right."""


class GeometryError(UsageError):
    """A size, stride, dilation or padding that leaves nothing to compute."""


class KernelError(UsageError):
    """A kernel that is not known, can't be read, or makes no sense."""


class ImageError(ConvError):
    """An image that can't be read, held, or written."""


class TakenError(ImageError):
    """A result's name that is taken, and may not be taken from what has it."""


class StreamError(Exception):
    """A standard stream that takes no more; no `ConvError`, as that would be an image's.

    Parameters
    ----------
    stream
        What it is called.
    reason
        What the system has said.
    """

    def __init__(self, stream: str, reason: OSError) -> None:
        super().__init__(f"{stream}: {(reason.strerror or str(reason)).lower()}")
        self.reason = reason
