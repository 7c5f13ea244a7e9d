"""What was done to an image, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping as Counts
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcli.batch import Job, Outcome
from convcli.image.header import VALUES
from convcli.image.image import described
from convcli.kernels.kernel import AnyKernel, Kernel, Kind
from convcli.pipeline import Facts
from convcli.pipeline.memory import StageMemory
from convcli.report.lines import columns, named, printable, wrapped
from convcli.report.numbers import rounded
from convcli.report.option_names import as_options
from convcli.report.shape import axis_data, leftover
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.kernels.volume import AnyVolumeKernel, VolumeKernel


def line(outcome: Outcome) -> str:
    """One line, for one of many images."""
    source, target = printable(outcome.job.source), printable(outcome.job.target)
    if outcome.error:
        return f"{source}: {printable(as_options(outcome.error))}"
    if outcome.skipped:
        return f"{source}: skipped, {target} {outcome.skipped}"
    facts = outcome.facts
    if facts is None:
        return f"{source} → {target}"
    clipped = f", {_share(facts)} clipped" if facts.clipped else ""
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
    rows += _values(facts)
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
    return f"{head}, {one.kind}{total}: {meaning(one)}"


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


def _values(facts: Facts) -> list[tuple[str, str]]:
    said = f"{facts.lowest:.6g} … {facts.highest:.6g}, mapped by {facts.mapping}"
    if facts.out_depth in ("float", "double") and facts.mapping is not Mapping.RAW:
        said += "; floats are not clipped"
    rows = [("response", said)]
    if facts.clipped:
        rows.append(
            (
                "clipped",
                f"{facts.clipped:,} of {facts.samples:,} samples ({_share(facts)})"
                + ("; --scale auto avoids it" if facts.avoidable else _unfit(facts)),
            )
        )
    return rows


def _unfit(facts: Facts) -> str:
    """Say what to do about values that don't fit levels."""
    if facts.depth not in VALUES or facts.out_depth not in _ZERO:
        return ""
    return (
        f": {facts.depth} samples are values, and keep their numbers; --map normalize stretches "
        f"them, --map offset has {_ZERO[facts.out_depth]} stand for 0"
    )


def _share(facts: Facts) -> str:
    share = 100 * facts.clipped / facts.samples
    return f"{share:.1f} %" if share >= 0.05 else "under 0.1 %"


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
    result["notes"] = [as_options(note) for note in facts.notes] if facts else []
    return result


def status(outcome: Outcome) -> str:
    """Return what became of an image: `done`, `skipped`, `failed` or `planned`."""
    if outcome.error:
        return "failed"
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
        "mapping": str(facts.mapping),
        "clipped": facts.clipped,
        "samples": facts.samples,
        "alpha": facts.alpha or None,
        "units": "values" if facts.depth in VALUES else "levels",
    }


def _plan_data(plan: Any) -> dict[str, Any]:
    names = ("method", "accumulator", "exact", "taps", "strip_rows", "jobs", "reason")
    return {name: getattr(plan, name) for name in names}


def tally(counts: Counts[str, int], total: int, seconds: float) -> str:
    """One line that counts what became of all images.

    Parameters
    ----------
    counts
        How many there are of each `status`.
    total
        How many there should have been.
    seconds
        How long it took.

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
    return f"{', '.join(said)} in {seconds:.1f} s{rate}"
