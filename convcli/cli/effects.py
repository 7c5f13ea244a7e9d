"""Which options had an effect: each states when it has one, and what had none is said in a note.

`EFFECTS` has an entry for every option of every command. An entry is `ALWAYS`, or a function of
`idle` that says why an option had none.
"""

from __future__ import annotations

from collections.abc import Collection

from convcli.cli import idle
from convcli.cli.idle import ALWAYS, Call, Effect, option_name
from convcli.errors import ConvError

#: Of a spec, for `apply` and `explain`.
_SPEC: dict[str, Effect] = {
    "padding": idle.padding,
    "border": idle.border,
    "fill": idle.fill,
    "stride": ALWAYS,
    "dilation": idle.dilation,
    "anchor": idle.anchor,
    "convolve": idle.convolve,
    "mapping": ALWAYS,
    "divisor": idle.divisor,
    "bias": idle.stretched,
    "scale": idle.scale,
    "gray": idle.gray,
    "channels": idle.channels,
    "bands": idle.bands,
    "depth": idle.depth,
    "precision": idle.precision,
    "lenient": idle.lenient,
    "as_json": ALWAYS,
}

EFFECTS: dict[str, dict[str, Effect]] = {
    "convcli": {"version": ALWAYS},
    "apply": {
        **_SPEC,
        "rounding": idle.rounding,
        "flip_rows": idle.flip_rows,
        "keep_edges": lambda call: "" if idle.pads(call) else "no kernel reaches beyond the image",
        "luma": idle.gray,
        "linear": ALWAYS,
        "region": ALWAYS,
        "mask": ALWAYS,
        "alpha": idle.alpha,
        "nodata": idle.missing,
        "missing": idle.missing,
        "least_share": idle.missing,
        "method": ALWAYS,  # another way to the same result
        "strip": idle.strip,
        "jobs": idle.jobs,
        "like": ALWAYS,
        "output": ALWAYS,
        "chain": ALWAYS,
        "bank": ALWAYS,
        "relu": ALWAYS,
        "pool": ALWAYS,
        "montage": ALWAYS,
        "together": idle.together,
        "recursive": idle.recursive,
        "from_file": ALWAYS,
        "null": ALWAYS,  # refused without a list
        "include": ALWAYS,  # what it leaves isn't counted
        "exclude": ALWAYS,
        "overwrite": ALWAYS,  # a guard, as the next and --max-pixels are
        "skip_existing": ALWAYS,
        "fail_fast": idle.alone,
        "timeout": idle.alone,
        "format_": ALWAYS,
        "quality": idle.codec_option("quality"),
        "compress": idle.codec_option("compress"),
        "max_pixels": ALWAYS,
        "frame": ALWAYS,
        "volume": ALWAYS,
        "show": ALWAYS,
        "compare": ALWAYS,
        "quiet": ALWAYS,
        "verbose": ALWAYS,
        "dry_run": ALWAYS,
    },
    "explain": {
        **_SPEC,
        "at": idle.unless("steps", why="--steps shows every place"),
        "grid": ALWAYS,
        "steps": ALWAYS,
        "play": ALWAYS,
        "page": ALWAYS,
        "overwrite": idle.beside("page"),
    },
    "find": {
        "marks": ALWAYS,
        "map_": ALWAYS,
        "top": ALWAYS,
        "least": ALWAYS,
        "apart": ALWAYS,
        "gray": ALWAYS,
        "recursive": idle.recursive,
        "include": ALWAYS,
        "exclude": ALWAYS,
        "overwrite": idle.beside("marks", "map_"),
        "max_pixels": ALWAYS,
        "lenient": idle.lenient,
        "frame": ALWAYS,
        "jobs": ALWAYS,
        "as_json": ALWAYS,
    },
    "signal": {
        "mode": ALWAYS,  # with --as it is refused
        "correlate": ALWAYS,
        "form": ALWAYS,
        "swap": idle.WORKED_OUT,
        "method": idle.WORKED_OUT,
        "output": ALWAYS,
        "normalize": ALWAYS,  # refused without a sound
        "overwrite": idle.beside("output"),
        "as_json": ALWAYS,
        "quiet": ALWAYS,
        "verbose": idle.WORKED_OUT,
    },
    "shape": {
        "n": ALWAYS,
        "f": ALWAYS,
        "s": ALWAYS,
        "p": ALWAYS,
        "d": lambda call: "" if max(call.get("f")) > 1 else "a kernel of one tap has no gaps",
        "k": ALWAYS,
        "as_json": ALWAYS,
    },
    "kernels": {
        "family": idle.LISTED,
        "check_path": ALWAYS,
        "volume": ALWAYS,
        "as_json": ALWAYS,
    },
    "fit": {
        "size": ALWAYS,
        "symmetric": ALWAYS,
        "separable": ALWAYS,
        "offset": ALWAYS,
        "output": ALWAYS,
        "trace": ALWAYS,
        "overwrite": idle.beside("output", "trace"),
        "as_json": ALWAYS,
    },
    "network": {
        "volume": ALWAYS,
        "layer": idle.BESIDE,
        "compare_fc": idle.compare_fc,
        "compare": ALWAYS,
        "as_json": ALWAYS,
    },
}


def notes(command: str, typed: Collection[str], call: Call) -> tuple[str, ...]:
    """Return the note that names options without effect; none if all had one.

    Parameters
    ----------
    command
        Such as `apply`.
    typed
        Parameters' names of the options that were typed.
    call
        What was asked for.
    """
    effects = EFFECTS[command]
    said = []
    for name in sorted(typed):
        try:
            why = effects[name](call)
        except ConvError:  # the images themselves tell
            continue
        if why:
            said.append(f"{option_name(name)} ({why})")
    return (f"without effect: {', '.join(said)}",) if said else ()
