"""Messages of the library name parameters; the command line makes its options of them."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from test_structure import ROOT, parsed

from convcli import (
    Spec,
    UsageError,
    convolve_signal,
    find,
    fit_kernel,
    read,
    read_frames,
    spec_like,
    write,
)
from convcli.batch.find import listed
from convcli.batch.jobs import BatchLimits, Request, Writing
from convcli.batch.maps import MapsRequest
from convcli.batch.search import SearchJob
from convcli.cli.apply import apply
from convcli.cli.find import find as find_command
from convcli.cli.fit import fit
from convcli.cli.main import main
from convcli.cli.signal import signal
from convcli.report.option_names import MARKED, OPTIONS, as_options

#: The parts that know of a command line.
ABOVE = {"cli", "report"}
#: An option, as `--map`, `-o x` or `-0,`; no `--n` of a decrement, `4-bit` or `-1`.
OPTION = re.compile(r"(?<![\w-])(--([a-z{]|$)|-[a-z0](?=[ ,]))")


FOREIGN = str(Path("image", "foreign")), str(Path("kernels", "others"))


def messages():
    """Every text of the library that is no documentation, as (where, text)."""
    found = []
    for path, tree in parsed():
        place = path.relative_to(ROOT / "convcli")
        if place.parts[0] in ABOVE:
            continue
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            (f"{place}:{node.lineno}", node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ]
    return found


def parameters():
    """What callers of the library can give."""
    holders = (Spec, Writing, Request, BatchLimits, MapsRequest, SearchJob)
    functions = (read, read_frames, write, listed, convolve_signal, find, fit_kernel, spec_like)
    named = {name for holder in holders for name in inspect.get_annotations(holder)}
    return named.union(*(inspect.signature(function).parameters for function in functions))


def test_no_message_of_the_library_names_an_option():
    texts = messages()
    assert len(texts) > 2000
    # Machine code, whose comments have decrements, is no message; and other programs, which do
    # what convcli doesn't, have options of their own.
    texts = [(at, text) for at, text in texts if not at.startswith(FOREIGN)]
    assert [(at, text) for at, text in texts if OPTION.search(text) and "define" not in text] == []


def test_an_option_is_told_from_other_words():
    named = "leave --map out", "use -o FILE", "give -0, too", "--", "use --{name}"
    assert all(OPTION.search(text) for text in named)
    assert not any(map(OPTION.search, ("16-bit samples", "sobel-x", "a - b", "from -1 to 1")))


def test_every_marked_word_is_a_parameter_with_an_option():
    found = {name for _, text in messages() for name in MARKED.findall(text)}
    assert len(found) > 20
    assert found <= set(OPTIONS)
    assert set(OPTIONS) <= parameters()


def test_options_are_those_of_the_command():
    commands = apply, signal, find_command, fit
    declared = {flag for each in commands for option in each.params for flag in option.opts}
    assert set(OPTIONS.values()) <= declared
    called = {"format_": "format", "from_file": "list_file"}
    for parameter in apply.params:
        name = called.get(parameter.name, parameter.name)
        if name in OPTIONS:
            assert OPTIONS[name] in parameter.opts


def test_only_what_stands_for_itself_is_a_parameter():
    assert (
        as_options("`gray` `alpha` drop; `output`, (`map`)") == "--gray --alpha drop; -o, (`map`)"
    )
    for name in ("x`alpha`.png", "`alpha`.png", "'`alpha`'", "`alpha`/a"):
        assert as_options(name) == name


@pytest.mark.parametrize(
    "given", [{"gray": True, "luma": True}, {"scale": "x"}, {"fill": 1e999}, {"jobs": 0}]
)
def test_python_reads_parameters_and_the_command_line_options(given, capsys, monkeypatch):
    name = next(iter(given))
    with pytest.raises(UsageError, match=f"^`{name}`") as error:
        Spec(**given)

    def refuse(arguments):
        raise error.value

    monkeypatch.setattr("convcli.cli.main._call", refuse)
    assert main([]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"convcli: --{name} ")
    assert "`" not in told
