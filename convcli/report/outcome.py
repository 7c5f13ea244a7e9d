"""What was done to an image, for people and for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping as Counts
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcli.batch import Job, Outcome
from convcli.image.formats import FORMATS, SUFFIXES
from convcli.image.header import VALUES
from convcli.image.image import described
from convcli.kernels.kernel import AnyKernel, Kernel, Kind
from convcli.pipeline import Facts
from convcli.pipeline.memory import StageMemory
from convcli.report.hints import hint
from convcli.report.lines import columns, named, printable, wrapped
from convcli.report.missing_samples import missing, missing_data
from convcli.report.numbers import rounded
from convcli.report.option_names import as_options
from convcli.report.shape import axis_data, leftover
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.kernels.volume import AnyVolumeKernel, VolumeKernel
    from convcli.pipeline.inside import Inside


#: What colours say under `hue`.
_HUES = (
    "hue is where it grows brighter: red right, yellow-green down, cyan left, violet up; "
    "brightness is how strongly"
)
#: Regions of an image that are told one by one.
_BOXES = 4


#: What became of a picture whose kind isn't read.
LEFT_OUT = "left out"


def line(outcome: Outcome) -> str:
    """One line, for one of many images."""
    source, target = printable(outcome.job.source), printable(outcome.job.target)
    if outcome.error:
        return f"{source}: {printable(as_options(outcome.error))}"
    if outcome.job.left_out:
        return f"{source}: left out, {printable(outcome.job.left_out)}"
    if outcome.skipped:
        return f"{source}: skipped, {target} {outcome.skipped}"
    facts = outcome.facts
    if facts is None:
        return f"{source} → {target}"
    clipped = f", {_share(facts)} clipped" if facts.clipped else ""
    if facts.missing and facts.missing.result:
        clipped += f", {facts.missing.result:,} missing"
    return (
        f"{source} → {target}  {_frames(facts)}"
        f"{described(facts.out_size, facts.out_channels, facts.out_depth)}{clipped}, "
        f"{outcome.seconds:.2f} s"
    )


def text(
    outcome: Outcome,
    kernels: Sequence[AnyKernel | AnyVolumeKernel],
    *,
    verbose: bool = False,
    begun: bool = False,
) -> str:
    """Lines for one image, each a label and what there is to say; without those of `beginning`."""
    facts = outcome.facts
    if facts is None:
        return beginning(outcome.job, outcome.stages) if outcome.stages else line(outcome)
    rows = []
    before = described(facts.size, facts.channels, facts.depth)
    after = described(facts.out_size, facts.out_channels, facts.out_depth)
    both = before if before == after else f"{before} → {after}"
    rows.append(("image", _frames(facts) + both))
    for number, (kernel, geometry) in enumerate(zip(kernels, facts.geometries, strict=True)):
        rows.append(("kernel", describe(kernel)))
        axes = [("height", geometry.rows), ("width", geometry.cols)]
        for name, axis in [*(("planes", axis) for axis in facts.planes[number:][:1]), *axes]:
            rows.append((name, axis.formula))
            rows += [("", said) for said in leftover(axis, name)]
    if facts.inside is not None:
        rows.append(("part", _part(facts.inside, facts.size)))
    rows += _values(facts, kernels)
    if facts.missing:
        rows += [("missing" if not k else "", said) for k, said in enumerate(missing(facts))]
    if facts.alpha:
        rows.append(("alpha", _ALPHA[facts.alpha]))
    if verbose:
        rows += [("plan", said) for plan in facts.plans for said in _plan(plan)]
    rows += [("note", as_options(note)) for note in facts.notes]
    rows.append(("time", f"{outcome.seconds:.2f} s"))
    head = () if begun else (beginning(outcome.job, outcome.stages if verbose else ()),)
    return "\n".join([*head, *_laid_out(rows)])


def beginning(job: Job, stages: Sequence[StageMemory]) -> str:
    """Lines that can be told before an image is filtered: its names, its stages, their memory."""
    rows = []
    if stages:
        total = _megabytes(sum(stage.bytes for stage in stages))
        rows = [("memory", f"{total}, beside the program itself:")]
        rows += [("", f"{_megabytes(stage.bytes)} {printable(stage.name)}") for stage in stages]
    return "\n".join((f"{printable(job.source)} → {printable(job.target)}", *_laid_out(rows)))


def _laid_out(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = columns(sys.stderr)
    return [wrapped(f"  {label:8} ", said, width) for label, said in rows]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


#: Levels that stand for zero under `offset`.
_ZERO = {"8-bit": 128, "16-bit": 32768}
_ALPHA = {
    "keep": "kept as it is",
    "weigh": "kept as it is, with colour weighted by it",
    "filter": "filtered, with colour weighted by it",
    "alone": "filtered like a colour",
    "drop": "dropped",
}


def describe(kernel: AnyKernel | AnyVolumeKernel) -> str:
    """Say what a kernel is and what the sum of its weights means."""
    head = f"{named(kernel.name)} {'×'.join(map(str, kernel.shape))}"
    if combine := _combine(kernel):
        return f"{head}, {len(kernel.parts)} kernels combined: {combine}"
    one: Any = kernel
    total = "" if one.kind is Kind.ZERO_SUM else f", sum {one.sum:.6g}"
    soft = getattr(kernel, "threshold", 0)
    after = f"; changes are {soft:g} levels less" if soft else ""
    return f"{head}, {one.kind}{total}: {meaning(one)}{after}"


def _combine(kernel: object) -> str:
    """Say how the responses of several kernels become one; '' for one kernel."""
    return str(getattr(kernel, "combine", ""))


def meaning(kernel: Kernel | VolumeKernel) -> str:
    """Say what the sum of a kernel's weights does to a flat region."""
    if kernel.kind is Kind.ZERO_SUM:
        return "finds change, silent where flat"
    if kernel.sum == 1:
        return "keeps brightness"
    return f"brightness × {kernel.sum:.6g}"


def _frames(facts: Facts) -> str:
    if facts.planes:
        before, after = facts.planes[0].size, facts.frames
        return f"{before} planes, " if before == after else f"{before} → {after} planes, "
    return f"{facts.frames} frames, " if facts.frames > 1 else ""


def _values(facts: Facts, kernels: Sequence[Any]) -> list[tuple[str, str]]:
    said = f"{facts.lowest:.6g} … {facts.highest:.6g}, mapped by {facts.mapping}"
    if facts.lowest != facts.lowest:
        said = f"none that is a number, mapped by {facts.mapping}"
    if facts.out_depth in ("float", "double") and facts.mapping is not Mapping.RAW:
        said += "; floats are not clipped"
    said += _applied(facts.scale, facts.offset)
    rows = [("response", said)]
    if facts.mapping is Mapping.HUE:
        rows.append(("", _HUES))
    if facts.clipped:
        way = _unfit(facts) or hint(kernels, facts)
        count = f"{facts.clipped:,} of {facts.samples:,} samples ({_share(facts)})"
        rows.append(("clipped", f"{count}; {way}" if way else count))
    return rows


def _unfit(facts: Facts) -> str:
    """Say what to do about values that don't fit levels."""
    if facts.depth not in VALUES or facts.out_depth not in _ZERO:
        return ""
    return (
        f"{facts.depth} samples are values, and keep their numbers; --map normalize stretches "
        f"them, --map offset has {_ZERO[facts.out_depth]} stand for 0"
    )


def _part(inside: Inside, size: tuple[int, int]) -> str:
    """Say which part of an image was filtered."""
    total = size[0] * size[1]
    said = f"{inside.pixels:,} of {total:,} pixels ({_per_cent(inside.pixels, total)}) filtered"
    if inside.masked:
        said += f", {inside.partly:,} of them in part by the mask"
    if not inside.boxes:
        return said
    boxes = [f"{b.left},{b.top},{b.size[1]}x{b.size[0]}" for b in inside.boxes[:_BOXES]]
    more = len(inside.boxes) - len(boxes)
    return f"{'; '.join(boxes)}{f' and {more:,} more' if more else ''}: {said}"


def _per_cent(count: int, total: int) -> str:
    share = 100 * count / total
    return f"{share:.1f} %" if share >= 0.05 or not count else "under 0.1 %"


def _applied(scale: float, offset: float) -> str:
    """Say what a response was multiplied by, and what was added; '' if it was neither."""
    times, plus = f"{scale:.6g}", f"{offset:+.6g}"
    said = "" if times == "1" else f"; times {times}"
    return said + ("" if float(plus) == 0 else f"{',' if said else ';'} {plus}")


def _share(facts: Facts) -> str:
    return _per_cent(facts.clipped, facts.samples)


def _plan(plan: Any) -> list[str]:
    exact = "exact" if plan.exact else f"rounded to {plan.accumulator}"
    threads = "1 thread" if plan.jobs == 1 else f"{plan.jobs} threads"
    return [plan.reason, f"sums {exact}, {threads}, strips of {plan.strip_rows} rows"]


def data(outcome: Outcome, kernels: Sequence[AnyKernel | AnyVolumeKernel]) -> dict[str, Any]:
    """Everything as JSON-ready values, with the same keys whatever happened."""
    result: dict[str, Any] = {
        "source": outcome.job.source,
        "target": outcome.job.target,
        "status": status(outcome),
        "error": as_options(outcome.error) or None,
        "seconds": round(outcome.seconds, 6),
        "kernels": [_kernel_data(kernel) for kernel in kernels],
    }
    facts = outcome.facts
    result["input"] = _image_data(facts.size, facts.channels, facts.depth) if facts else None
    result["output"] = (
        _image_data(facts.out_size, facts.out_channels, facts.out_depth) if facts else None
    )
    result["frames"] = facts.frames if facts else None
    result["response"] = _response_data(facts) if facts else None
    if facts and facts.inside:
        result["part"] = _part_data(facts.inside, facts.samples)
    result["missing"] = missing_data(facts) if facts and facts.missing else None
    result["geometry"] = [
        {"rows": axis_data(g.rows), "cols": axis_data(g.cols)}
        for g in (facts.geometries if facts else ())
    ]
    for geometry, axis in zip(result["geometry"], facts.planes if facts else (), strict=False):
        geometry["planes"] = axis_data(axis)
    result["plan"] = [_plan_data(plan) for plan in (facts.plans if facts else ())]
    result["memory"] = {
        "bytes": sum(stage.bytes for stage in outcome.stages),
        "stages": [{"name": stage.name, "bytes": stage.bytes} for stage in outcome.stages],
    }
    notes = facts.notes if facts else (outcome.job.left_out,) if outcome.job.left_out else ()
    result["notes"] = [as_options(note) for note in notes]
    return result


def status(outcome: Outcome) -> str:
    """Return what became of an image: `done`, `skipped`, `failed`, `planned` or `left out`."""
    if outcome.error:
        return "failed"
    if outcome.job.left_out:
        return LEFT_OUT
    return "skipped" if outcome.skipped else "done" if outcome.facts else "planned"


def _kernel_data(kernel: AnyKernel | AnyVolumeKernel) -> dict[str, Any]:
    return {
        "name": kernel.name,
        "shape": list(kernel.shape),
        "kind": str(kernel.kind),
        "sum": None if _combine(kernel) else getattr(kernel, "sum", None),
        "combine": _combine(kernel) or None,
    }


def _image_data(size: tuple[int, int], channels: str, depth: str) -> dict[str, Any]:
    return {"height": size[0], "width": size[1], "channels": channels, "depth": depth}


def _response_data(facts: Facts) -> dict[str, Any]:
    return {
        "lowest": facts.lowest,
        "highest": facts.highest,
        "scale": facts.scale,
        "offset": facts.offset,
        "mapping": str(facts.mapping),
        "clipped": facts.clipped,
        "samples": facts.samples,
        "alpha": facts.alpha or None,
        "units": "values" if facts.depth in VALUES else "levels",
    }


def _part_data(inside: Inside, samples: int) -> dict[str, Any]:
    boxes = [
        {"x": box.left, "y": box.top, "width": box.size[1], "height": box.size[0]}
        for box in inside.boxes
    ]
    return {
        "regions": boxes,
        "masked": inside.masked,
        "pixels": inside.pixels,
        "mixed": inside.partly,
        "samples": samples,
    }


def _plan_data(plan: Any) -> dict[str, Any]:
    names = ("method", "accumulator", "exact", "taps", "strip_rows", "jobs", "reason")
    return {name: getattr(plan, name) for name in names}


def tally(counts: Counts[str, int], total: int, seconds: float, unread: Sequence[str] = ()) -> str:
    """One line that counts what became of all images.

    Parameters
    ----------
    counts
        How many there are of each `status`.
    total
        How many there should have been.
    seconds
        How long it took.
    unread
        Pictures that were left out, as their kinds can't be read.

    Examples
    --------
    >>> tally({"done": 7, "failed": 1}, 10, 2.0)
    '7 done, 1 failed, 2 left in 2.0 s (3.5 a second)'
    """
    words = ["planned"] if counts.get("planned") else ["done"]
    words += [word for word in ("skipped", "failed") if counts.get(word)]
    said = [f"{counts.get(word, 0):,} {word}" for word in words]
    if left := total - sum(counts.values()):
        said.append(f"{left:,} left")
    done = counts.get("done", 0)
    rate = f" ({rounded(done / seconds)} a second)" if done > 1 and seconds else ""
    if unread:
        said.append(f"{left_out_words(unread)};")
    return f"{', '.join(said)} in {seconds:.1f} s{rate}"


def left_out_words(unread: Sequence[str]) -> str:
    """Say how many pictures were left out of folders, and which kinds they are of.

    Examples
    --------
    >>> left_out_words(["a.HEIC", "b.heic"])
    "2 left out: .HEIC can't be read (install convcli[heic])"
    >>> left_out_words(["a.psd", "b.psd", "c.dng"])
    "3 left out: .psd (2) and .dng can't be read"
    """
    spelled: dict[str, str] = {}
    counts: dict[str, int] = {}
    for path in unread:
        suffix = os.path.splitext(path)[1]  # noqa: PTH122
        name = spelled.setdefault(suffix.lower(), printable(suffix))
        counts[name] = counts.get(name, 0) + 1
    one = len(counts) == 1
    kinds = [f"{name} ({n:,})" if n > 1 and not one else name for name, n in counts.items()]
    listed = " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    extras = {FORMATS[SUFFIXES[name]].needs[1] for name in spelled if name in SUFFIXES}
    hint = f" (install convcli[{','.join(extras)}])" if extras else ""
    return f"{len(unread):,} left out: {listed} can't be read{hint}"
