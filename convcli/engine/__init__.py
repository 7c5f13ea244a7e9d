"""Numbers in, numbers out: correlation of arrays, planned, in strips, on threads."""

from convcli.engine.bands import Seen
from convcli.engine.blocks import Blocks
from convcli.engine.correlate import correlate_planned, store
from convcli.engine.finish import Finish, finish
from convcli.engine.native import keeps_loops, seconds_compiling
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import Taps, Terms
from convcli.engine.plan import Plan
from convcli.engine.prepared import Finished, Kind, Prepared, lay_out_for, plan_for, prepare
from convcli.engine.rows import Held, Pixels, Rows, Stage

__all__ = [
    "Blocks",
    "Border2D",
    "Finish",
    "Finished",
    "Held",
    "Kind",
    "Options",
    "Pixels",
    "Plan",
    "Prepared",
    "Rows",
    "Seen",
    "Stage",
    "Taps",
    "Terms",
    "correlate_planned",
    "finish",
    "keeps_loops",
    "lay_out_for",
    "plan_for",
    "prepare",
    "seconds_compiling",
    "store",
]
