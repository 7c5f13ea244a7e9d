"""`convcli signal`: one-dimensional signals convolved, correlated, worked out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.echo import echo, echo_json
from convcli.cli.status import tell
from convcli.cli.streams import check_apart, check_targets
from convcli.cli.types import MatrixCommand, PathType, Typed, Word, typed
from convcli.errors import UsageError

if TYPE_CHECKING:
    from convcli.signals.convolution import Product
    from convcli.signals.files import Signal


class SignalText(Typed):
    """A signal as it was typed."""

    name = "SIGNAL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what was typed."""
        return typed(value)


#: Not the docstring, which `python -OO` takes away.
_HELP = """Convolve two one-dimensional signals.

A and B are numbers ('1 2 3', '[1,2,1]/4'), or files: .csv, .tsv or .txt (a column as in
data.csv#2 or data.csv#pressure), .npy, or sound as .wav. B is turned round and slides over A;
with --correlate it isn't turned. Sums of integers are exact.

Samples of sound are shares of a full one: with two sounds B's count as such, and the result is
in A's units. Each channel is filtered alone.
"""


@click.command(
    cls=MatrixCommand,
    help=_HELP,
    epilog="""\b
Examples:
  convcli signal '1 2 3' '4 5 6'
  convcli signal '1 2 3' '4 5 6' --as polynomial
  convcli signal 123 456 --as digits
  convcli signal '1 1 1 1 1 1' '1 1 1 1 1 1' --as dice
  convcli signal '1 2 4' '1 -1' --correlate --swap
  convcli signal log.csv#pressure '[1 1 1 1 1]/5' --mode same -o smooth.csv
  convcli signal voice.wav church.wav --normalize -o sung.wav""",
)
@click.argument("a", type=SignalText())
@click.argument("b", type=SignalText())
@click.option(
    "--mode", type=Word(("full", "same", "valid")), default="full", show_default=True,
    help="All N + M - 1 sums; the N in the middle; or those where one lies within the other.",
)  # fmt: skip
@click.option("--correlate", is_flag=True, help="Slide B as it is, without turning it round.")
@click.option(
    "--as", "form", type=Word(("polynomial", "digits", "dice")),
    help="Work the product out: of polynomials, coefficients from the constant on; of two whole "
    "numbers, with carries; of two dice, the weights of whose faces A and B are.",
)  # fmt: skip
@click.option("--swap", is_flag=True, help="Also compute with A and B swapped, and compare.")
@click.option(
    "--method", type=Word(("auto", "direct", "fft")), default="auto", show_default=True,
    help="How to compute; auto takes the faster one.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=PathType(), metavar="OUT",
    help="A .csv, .tsv, .txt, .npy or .wav file.  [default: numbers on standard output]",
)  # fmt: skip
@click.option("--normalize", is_flag=True, help="Of sound: scale the loudest sample to a full one.")
@click.option("--overwrite", is_flag=True, help="Replace a result that exists; never a source.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but numbers and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say how it was computed, too.")
def signal(a: str, b: str, **options: Any) -> None:
    """Convolve two one-dimensional signals."""
    from convcli.signals.files import read_signal

    if options["output"] == "-":
        options["output"] = None
    pair = (read_signal(a), read_signal(b))
    reads = [str(each.file) for each in pair if each.file is not None]
    check_apart(reads)
    check_targets({"-o": options["output"]}, reads)
    _check_loudest(pair, options)
    if options["form"] is not None:
        _work_out(pair, options)
    else:
        _convolve(pair, options)


def _check_loudest(pair: tuple[Signal, Signal], options: dict[str, Any]) -> None:
    """Refuse --normalize where no sound is written."""
    target = options["output"]
    sound = target is not None and Path(target).suffix.lower() == ".wav"
    if options["normalize"] and not (sound and any(each.form is not None for each in pair)):
        raise click.UsageError(
            "--normalize is for sound that is written to a .wav file",
            click.get_current_context(),
        )


def _convolve(pair: tuple[Signal, Signal], options: dict[str, Any]) -> None:
    """Print or write what comes out, and say what was done."""
    from convcli.report import signal as report

    flip, done = options["correlate"], _product(pair, options)
    other = _product((pair[1], pair[0]), options) if options["swap"] else None
    values = _scaled(pair, done)
    lines = [report.summary(pair, done, options["mode"], flip=flip)]
    if options["verbose"]:
        lines.append(report.plan_line(done))
    if other is not None:
        lines += report.swapped_lines(done, other, flip=flip)
    if options["output"] is None:
        lines += [f"note: {note}" for each in pair if each.form is None for note in each.notes]
    else:
        lines.append(_write(pair, values, options))
    if options["as_json"]:
        swapped = None if other is None else _scaled(pair, other)
        echo_json(report.data(pair, done, options["mode"], (values, swapped), flip=flip))
        return
    if options["output"] is None:
        echo(report.values_text(values))
    if not options["quiet"]:
        tell("\n".join(lines))


def _product(pair: tuple[Signal, Signal], options: dict[str, Any]) -> Product:
    from convcli.signals.convolution import product

    a, b = (each.values for each in pair)
    return product(a, b, options["mode"], method=options["method"], flip=options["correlate"])


def _scaled(pair: tuple[Signal, Signal], done: Product) -> Any:
    """Return the sums in the units of the signals: of the first sound, if there is one."""
    divisor = pair[0].divisor * pair[1].divisor
    if pair[0].form is not None and pair[1].form is not None:
        divisor *= pair[1].form.full
    return done.values if divisor == 1 else done.values / divisor


def _work_out(pair: tuple[Signal, Signal], options: dict[str, Any]) -> None:
    """Print a worked form."""
    from convcli.report import signal as report
    from convcli.signals import forms

    if any(each.values.ndim > 1 for each in pair):
        raise UsageError("`as` works out lists of numbers; these have several channels")
    if options["correlate"] or options["mode"] != "full" or options["output"]:
        raise click.UsageError(
            "--as works out the whole convolution: leave --correlate, --mode and -o out",
            click.get_current_context(),
        )
    a, b = (each.fractions for each in pair)
    if options["form"] == "digits":
        done = forms.long_multiplication(a, b)
        if options["as_json"]:
            echo_json(report.digits_data(done))
        else:
            echo(report.digits_text(done))
        return
    of_dice = options["form"] == "dice"
    places = forms.dice(a, b) if of_dice else forms.places(a, b)
    if options["as_json"]:
        echo_json({"form": options["form"], "places": report.places_data(places)})
    else:
        echo((report.dice_text if of_dice else report.polynomial_text)(a, b, places))


def _write(pair: tuple[Signal, Signal], values: Any, options: dict[str, Any]) -> str:
    """Write a signal; say what."""
    from convcli.image.atomic import write_atomic
    from convcli.report.signal import written_line
    from convcli.signals.files import as_file, in_range, loudest

    target, notes = Path(options["output"]), [note for each in pair for note in each.notes]
    suffix = target.suffix
    form = next((each.form for each in pair if each.form is not None), None)
    rates = {each.form.rate for each in pair if each.form is not None}
    if len(rates) > 1:
        rate, other = sorted(rates)
        raise UsageError(f"the sounds have {rate} and {other} samples a second; resample one first")
    if suffix.lower() == ".wav" and form is not None:
        if options["normalize"]:
            values = loudest(values, form)
        values, clipped = in_range(values, form)
        if clipped:
            notes.append(f"{clipped:,} samples clipped; `normalize` makes the loudest a full one")
    write_atomic(target, as_file(values, suffix, form), options["overwrite"])
    return written_line(str(target), len(values), notes)
