"""Numbers in, numbers out: correlation of arrays, planned, in strips, on threads."""

from convcli.engine.correlate import (
    Border2D,
    Finished,
    Options,
    correlate_planned,
    lay_out_for,
    plan_for,
    store,
)
from convcli.engine.finish import Finish, finish
from convcli.engine.native import keeps_loops, seconds_compiling
from convcli.engine.passes import Taps, Terms
from convcli.engine.plan import Plan

__all__ = [
    "Border2D",
    "Finish",
    "Finished",
    "Options",
    "Plan",
    "Taps",
    "Terms",
    "correlate_planned",
    "finish",
    "keeps_loops",
    "lay_out_for",
    "plan_for",
    "seconds_compiling",
    "store",
]
