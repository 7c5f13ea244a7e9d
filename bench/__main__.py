"""`python -m bench`: check every result, measure, and say what came out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from bench import machine, results, scale, sections, tables, timing
from bench.cases import Case, Record, Wrong

HERE = Path(__file__).resolve().parent

#: Exit statuses, as those of `convcli`.
DONE, FAILED, WRONG_USAGE = 0, 1, 2


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join(sections.NAMES)
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help=f"{names}; all if none is given")
    add("--quick", action="store_true", help="small images, few runs: about a minute")
    where = "write the report there; a whole run that is not quick writes it to bench/"
    add("--output", type=Path, metavar="FOLDER", help=where)
    earlier = "an earlier results.json; ratios that fell by more than 15 %% end in exit status 1"
    add("--compare", type=Path, metavar="FILE", help=earlier)
    again = "make the report again from this results.json, and measure nothing"
    add("--again", type=Path, metavar="FILE", help=again)
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.sections if name not in sections.NAMES]:
        parser.error(f"there is no section {unknown[0]!r}; there are {names}")
    whole = not asked.sections
    asked.sections = [name for name in sections.NAMES if whole or name in asked.sections]
    if asked.output is None and whole and not asked.quick:
        asked.output = HERE
    return asked


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status."""
    asked = arguments(words)
    if asked.again:
        written(asked.output, results.load(asked.again))
        return DONE
    earlier = results.load(asked.compare) if asked.compare else None
    if earlier is not None and earlier.quick != asked.quick:
        say("--compare needs a run of the same kind: both --quick, or neither")
        return WRONG_USAGE
    try:
        run = measured(asked.sections, quick=asked.quick)
    except (Wrong, timing.CommandError) as error:
        say(f"wrong result, so nothing was timed: {error}")
        return FAILED
    print(f"## Targets\n\n{results.summary(run.records)}\n\n{run.seconds:.0f} s", flush=True)
    if asked.output is not None:
        written(asked.output, run)
    return DONE if earlier is None else compared(earlier, run)


def measured(names: Sequence[str], *, quick: bool) -> results.Run:
    """Check all results of some sections, then measure them, and print tables on the way."""
    start = perf_counter()
    cases = {name: verified(name, scale.QUICK if quick else scale.FULL) for name in names}
    records: list[Record] = []
    for name in names:
        begun = perf_counter()
        budget = timing.QUICK if quick else timing.FULL
        found = [case.measure(name, budget) for case in cases[name]]
        print(tables.of_section(sections.describe(name), found) + "\n", flush=True)
        say(f"{name}: measured ({perf_counter() - begun:.0f} s)")
        records += found
    return results.Run(machine.describe(), quick, perf_counter() - start, records)


def verified(name: str, large: scale.Scale) -> list[Case]:
    """Return a section's cases, after their results were found right."""
    start = perf_counter()
    found = sections.cases(name, large)
    for case in found:
        case.before()
        case.check()
    say(f"{name}: {len(found)} results right ({perf_counter() - start:.0f} s)")
    return found


def written(folder: Path | None, run: results.Run) -> None:
    """Write the report, and say where."""
    for path in results.write(folder or HERE, run):
        say(f"wrote {path}")


def compared(earlier: results.Run, run: results.Run) -> int:
    """Print what got worse since an earlier run; return the exit status."""
    worse = results.regressions(earlier.records, run.records)
    if earlier.machine["CPU"] != run.machine["CPU"]:
        say("the earlier run was on another CPU: ratios may differ for that")
    print(f"\n{len(worse)} ratios fell by more than 15 %", *worse, sep="\n")
    return FAILED if worse else DONE


def say(words: str) -> None:
    """Print progress, away from the tables."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
