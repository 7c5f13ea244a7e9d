"""Manual pages from the help texts: convcli.1, and one for each command.

`make.py` writes them to docs/man; `man -l docs/man/convcli-apply.1` shows one. A wheel has them
under share/man.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from convcli.cli.fit import fit
from convcli.cli.main import cli

_STATUS = (
    ("0", "done"),
    ("1", "something could not be done; what could be done was"),
    ("2", "the command line is wrong"),
    ("130", "interrupted"),
)
_ENVIRONMENT = (
    ("CONVCLI_CACHE", "the folder that keeps compiled loops"),
    ("NO_COLOR", "if it is set, nothing is coloured"),
    ("COLUMNS", "how wide reports are, instead of the terminal's width"),
)


def commands(context: click.Context) -> dict[str, click.Command]:
    """Every command by its name; those of `kernels` behind it."""
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    at = list(found).index("kernels") + 1
    items = [*found.items()]
    return dict([*items[:at], ("kernels fit", fit), *items[at:]])


def pages() -> dict[str, str]:
    """Return every page by its file's name."""
    group = click.Context(cli, info_name="convcli", help_option_names=["-h", "--help"])
    found = {name.replace(" ", "-"): name for name in commands(group)}
    made = {"convcli.1": _page("convcli", cli, group, [f"convcli-{name}" for name in found])}
    for page, name in found.items():
        command = commands(group)[name]
        context = click.Context(command, info_name=name, parent=group)
        made[f"convcli-{page}.1"] = _page(f"convcli-{page}", command, context, ["convcli"])
    return made


def _page(name: str, command: click.Command, context: click.Context, others: list[str]) -> str:
    """Return one page as roff."""
    first, *rest = _paragraphs(command.help or "")
    lines = [
        f'.TH {_roff(name.upper())} 1 "" convcli "User Commands"',
        *(".ad l", ".nh"),
        *(".SH NAME", f"{_roff(name)} \\- {_roff(first[0].rstrip('.'))}"),
        *(".SH SYNOPSIS", f".B {_roff(context.command_path)}", *_usage(command, context)),
        *(".SH DESCRIPTION", *_text([first, *rest])),
    ]
    if isinstance(command, click.Group):
        lines += [".SH COMMANDS", *_commands(command, context)]
    lines += [".SH OPTIONS", *_options(command, context)]
    lines += [".SH EXIT STATUS"]
    lines += _items(_STATUS)
    lines += [".SH ENVIRONMENT", *_items(_ENVIRONMENT)]
    lines += [".SH EXAMPLES", *_literal(_examples(command))]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{_roff(other)}\\fR(1)" for other in others)]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> list[list[str]]:
    r"""Return a help text's paragraphs as lines; one that begins with \b keeps its lines."""
    blocks = re.split(r"\n[ \t]*\n", text.strip())
    return [block.splitlines() for block in blocks if not block.startswith("Exit status:")]


def _items(items: Sequence[tuple[str, str]]) -> list[str]:
    return [line for word, says in items for line in (".TP", f".B {word}", _roff(says))]


def _text(paragraphs: list[list[str]]) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs:
        lines.append(".PP")
        if paragraph[0].strip() == "\b":
            lines += _literal(paragraph[1:])
        else:
            lines += [_roff(line.strip()) for line in paragraph]
    return lines[1:]


def _literal(lines: list[str]) -> list[str]:
    """Return lines that are to stay as they are."""
    return [".nf", *map(_roff, lines), ".fi"]


def _usage(command: click.Command, context: click.Context) -> list[str]:
    return [_roff(" ".join(command.collect_usage_pieces(context)))]


def _commands(group: click.Group, context: click.Context) -> list[str]:
    lines = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        says = _paragraphs(command.help)[0][0] if command and command.help else ""
        lines += [".TP", f"\\fBconvcli {_roff(name)}\\fR", _roff(says)]
        lines += [f"See \\fBconvcli\\-{_roff(name)}\\fR(1)."]
    return lines


def _options(command: click.Command, context: click.Context) -> list[str]:
    lines = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        # Click 8.3 and later have records of arguments, too.
        if record is not None and isinstance(parameter, click.Option):
            options, says = record
            lines += [".TP", f"\\fB{_roff(options)}\\fR", _roff(re.sub(r"\s+", " ", says))]
    return lines


def _examples(command: click.Command) -> list[str]:
    """Return the examples that end a help text."""
    lines = (command.epilog or "").replace("\b", "").strip().splitlines()
    return [line.strip() for line in lines if line.strip() != "Examples:"]


def _roff(text: str) -> str:
    """Escape what roff would take for its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = text.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^(\s*)\.", r"\1\\&.", text)
