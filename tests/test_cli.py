"""The command line as a whole: its help, its options, and what may be typed."""

from __future__ import annotations

import click
import pytest
from command import call, spawn
from hypothesis import given
from hypothesis import strategies as st

from convcli import __version__
from convcli.cli.main import DONE, FAILED, INTERRUPTED, WRONG_USAGE, cli
from convcli.cli.options import SPEC_OPTIONS, make_spec
from convcli.cli.placing import PaddingType
from convcli.cli.types import NumbersType, Real, Whole, Word, whole
from convcli.errors import UsageError
from convcli.spec import Spec

COMMANDS = ("apply", "shape", "kernels")


def test_the_statuses_are_those_that_are_promised():
    assert (DONE, FAILED, WRONG_USAGE, INTERRUPTED) == (0, 1, 2, 130)
    told = " ".join(call("--help").out.split())
    assert "0 done, 1 something could not be done, 2 the command line is wrong, 130" in told


def test_the_version_is_told():
    assert call("--version").out == f"convcli {__version__}\n"


def test_help_lists_every_command_with_its_first_line():
    out = call("--help").out
    for name in COMMANDS:
        first = cli.get_command(click.Context(cli), name).help.splitlines()[0]
        assert any(line.split() == [name, *first.split()] for line in out.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_a_command_ends_with_examples(name, flag):
    out = call(name, flag).out
    assert out.startswith(f"Usage: convcli {name}")
    examples = out.partition("Examples:")[2].strip().splitlines()
    assert len(examples) >= 4
    assert all(f"convcli {name} " in f"{line} " for line in examples)


def test_without_a_command_help_is_shown():
    said = call()
    assert said.status == 2
    assert said.data == b""
    assert said.err.startswith("Usage: convcli [OPTIONS] COMMAND")
    assert said.err.strip() == call("--help").out.strip()


@pytest.mark.parametrize("args", [("--help",), *((name, "--help") for name in COMMANDS)])
def test_help_is_readable_at_60_columns(args):
    out = spawn(*args, COLUMNS="60").out
    text, _, examples = out.partition("Examples:")
    assert max(map(len, text.splitlines())) <= 60
    assert examples


def test_the_module_runs_as_the_program_does():
    assert spawn("--version").out == f"convcli {__version__}\n"


# Options become a Spec.


def _spec(*args):
    """Return the spec that a command with the shared options gets."""
    from convcli.cli.options import spec_options

    @click.command()
    @spec_options
    def command(spec):
        return spec

    return command.main(list(args), standalone_mode=False)


def test_no_option_gives_the_default_spec():
    assert _spec() == Spec()


def test_every_field_of_a_spec_has_one_option():
    names = [parameter.name for parameter in _parameters()]
    assert sorted([*names, "notes"]) == sorted(Spec.__dataclass_fields__)


def _parameters():
    @click.command()
    def command():
        pass

    for option in reversed(SPEC_OPTIONS):
        option(command)
    return command.params


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        (["--padding", "VALID"], {"padding": "valid"}),
        (["--padding", "3"], {"padding": 3}),
        (["--padding", "2,3"], {"padding": (2, 3)}),
        (["--padding", "1,2,0,3"], {"padding": ((1, 2), (0, 3))}),
        (["--padding", "Same-Upper"], {"padding": "same-upper"}),
        (["--anchor", "0,2"], {"anchor": (0, 2)}),
        (["--anchor", "1"], {"anchor": 1}),
        (["--anchor", "First-Middle"], {"anchor": "first-middle"}),
        (["--border", "wrap,Edge"], {"border": ("wrap", "replicate")}),
        (["--border", "zero, zero"], {"border": "zero"}),
        (["--border", "wrap,constant", "--fill", "9"], {"border": "wrap,constant", "fill": 9.0}),
        (["--border", "Edge"], {"border": "replicate"}),
        (["--border", "reflect101"], {"border": "reflect"}),
        (["--fill", "9"], {"border": "constant", "fill": 9.0}),
        (["--fill", "0"], {"border": "constant", "fill": 0.0}),
        (["--border", "constant", "--fill", "9"], {"border": "constant", "fill": 9.0}),
        (["--stride", "2"], {"stride": 2}),
        (["--stride", "2,1"], {"stride": (2, 1)}),
        (["--dilation", "3"], {"dilation": 3}),
        (["--convolve"], {"convolve": True}),
        (["--map", "Offset"], {"mapping": "offset"}),
        (["--divisor", "-2.5"], {"divisor": -2.5}),
        (["--bias", "-5"], {"bias": -5.0}),
        (["--scale", "auto"], {"scale": "auto"}),
        (["--scale", "0.5"], {"scale": 0.5}),
        (["--gray"], {"gray": True}),
        (["--luma"], {"luma": True}),
        (["--channels", "RB"], {"channels": "RB"}),
        (["--linear"], {"linear": True}),
        (["--alpha", "keep"], {"alpha": "keep"}),
        (["--depth", "16"], {"depth": "16"}),
        (["--method", "direct"], {"method": "direct"}),
        (["--precision", "double"], {"precision": "double"}),
        (["-j", "3"], {"jobs": 3}),
    ],
)
def test_options_become_fields(args, fields):
    assert _spec(*args) == Spec(**fields)


def test_contradictions_are_wrong_usage():
    with pytest.raises(UsageError, match="leave one out"):
        _spec("--border", "wrap", "--fill", "1")
    with pytest.raises(UsageError, match="--channels is empty"):
        _spec("--channels", "")


def test_a_spec_is_made_in_one_place_from_all_fields():
    given_all = {name: getattr(Spec(), name) for name in Spec.__dataclass_fields__}
    given_all |= {"border": None, "fill": None}
    assert make_spec(**given_all) == Spec()


# What may be typed.


def _refused(kind, text):
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    assert "expected" in caught.value.message
    assert f"got {text!r}" in caught.value.message


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "1,", ",1", "1,2,3", "1 2", "²", "1e3"])
def test_numbers_are_whole_and_at_most_two(text):
    _refused(NumbersType(), text)


@pytest.mark.parametrize("text", ["sam", "-1", "1.5", "1,2,3", "", "same,same"])
def test_paddings_are_words_or_numbers(text):
    _refused(PaddingType(), text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "x", "", "1/2", "0"])
def test_a_real_number_is_finite_and_may_have_to_differ_from_0(text):
    _refused(Real(zero=False), text)


@pytest.mark.parametrize("text", ["-0.1", "255.1"])
def test_a_real_number_keeps_to_its_range(text):
    _refused(Real(0, 255), text)


@pytest.mark.parametrize("text", ["0", "10", "x", "", "9.0", "١٠٠"])
def test_a_whole_number_keeps_to_its_range(text):
    _refused(Whole(1, 9), text)


def test_a_word_is_one_of_those_told_or_an_alias():
    kind = Word(["one", "two"], ["other"])
    assert [kind.convert(text, None, None) for text in ("one", "TWO", "other")] == [
        "one", "two", "other",
    ]  # fmt: skip
    with pytest.raises(click.BadParameter, match="expected one or two; got 'three'"):
        kind.convert("three", None, None)


@given(st.integers(0, 10**20))
def test_whole_numbers_are_read_as_they_are_written(number):
    assert whole(str(number)) == number


@given(st.text())
def test_whole_never_fails(text):
    number = whole(text)
    assert number is None or number >= 0
