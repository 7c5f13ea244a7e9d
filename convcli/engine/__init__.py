"""Numbers in, numbers out: correlation of arrays, planned, in strips, on threads."""

from convcli.engine.alpha import join, unweigh, weigh
from convcli.engine.bands import Seen
from convcli.engine.bank import Bank, PreparedBank, prepare_bank
from convcli.engine.blocks import Blocks
from convcli.engine.correlate import Store, correlate_planned
from convcli.engine.correlated import Correlated, Finished, correlated, run
from convcli.engine.finish import Finish, Scale, finish
from convcli.engine.native import keeps_loops, seconds_compiling
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import KernelSet, Terms
from convcli.engine.plan import Plan
from convcli.engine.prepared import ArrayKind, Prepared, lay_out_for, plan_for, prepare
from convcli.engine.rows import (
    CHUNK_BYTES,
    Held,
    Pixels,
    Rows,
    Stage,
    chunk_of,
    each_part,
    put,
    put_into,
    put_pieces,
)

__all__ = [
    "CHUNK_BYTES",
    "ArrayKind",
    "Bank",
    "Blocks",
    "Border2D",
    "Correlated",
    "Finish",
    "Finished",
    "Held",
    "KernelSet",
    "Options",
    "Pixels",
    "Plan",
    "Prepared",
    "PreparedBank",
    "Rows",
    "Scale",
    "Seen",
    "Stage",
    "Store",
    "Terms",
    "chunk_of",
    "correlate_planned",
    "correlated",
    "each_part",
    "finish",
    "join",
    "keeps_loops",
    "lay_out_for",
    "plan_for",
    "prepare",
    "prepare_bank",
    "put",
    "put_into",
    "put_pieces",
    "run",
    "seconds_compiling",
    "unweigh",
    "weigh",
]
