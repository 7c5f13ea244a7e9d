"""Numbers in, numbers out: correlation of arrays, planned, in strips, on threads."""

from convcli.engine.correlate import (
    Border2D,
    Finished,
    Options,
    Taps,
    correlate_planned,
    store,
)
from convcli.engine.finish import Finish, finish
from convcli.engine.plan import Plan

__all__ = [
    "Border2D",
    "Finish",
    "Finished",
    "Options",
    "Plan",
    "Taps",
    "correlate_planned",
    "finish",
    "store",
]
