"""The inner loops: valid correlation of padded strips, and nothing else.

Every function takes pointers, numbers and structs of these (`structs` says which, and how to write
another loop), writes in place, allocates nothing and raises nothing. `band` has rows padded in a
strip, and filters these; `tiles` cuts the image into tiles instead; `bank` gives several maps.
"""

from convcli.engine.loops.alpha import join, unweigh, weigh
from convcli.engine.loops.band import band, band_strided, rows_at_once, rows_by_sums
from convcli.engine.loops.bank import bank, sum_narrow, sum_wide
from convcli.engine.loops.combine import (
    combine_direction,
    combine_magnitude,
    combine_max,
    combine_max_abs,
    combine_nothing,
    combine_share,
    combine_sum_abs,
)
from convcli.engine.loops.respond import respond_box, respond_direct, respond_pairs, respond_terms
from convcli.engine.loops.store import (
    store_clipped,
    store_near,
    store_response,
    store_rounded,
    store_rows,
    store_sums,
    store_whole,
)
from convcli.engine.loops.tiles import tiles

__all__ = [
    "band",
    "band_strided",
    "bank",
    "combine_direction",
    "combine_magnitude",
    "combine_max",
    "combine_max_abs",
    "combine_nothing",
    "combine_share",
    "combine_sum_abs",
    "join",
    "respond_box",
    "respond_direct",
    "respond_pairs",
    "respond_terms",
    "rows_at_once",
    "rows_by_sums",
    "store_clipped",
    "store_near",
    "store_response",
    "store_rounded",
    "store_rows",
    "store_sums",
    "store_whole",
    "sum_narrow",
    "sum_wide",
    "tiles",
    "unweigh",
    "weigh",
]
