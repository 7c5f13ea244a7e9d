"""The `convcli` group: commands loaded when called, and what Click finds wrong as one line."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import click

from convcli import __version__
from convcli.cli.status import FAILED, WRONG_USAGE, Stopped, say

_COMMANDS = {
    "apply": "Filter images with a kernel.",
    "shape": "Work out the output size, step by step.",
    "kernels": "List the kernels, look at one, or check a file of your own.",
    "explain": "Show what a kernel does at one place of an image, and why.",
    "find": "Find the places of images that look like a patch.",
    "signal": "Convolve two one-dimensional signals; work products out.",
    "network": "Follow a volume through a stack of layers.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, OSError) as error:
            raise Stopped from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"convcli.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the command that was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0][:64], _COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {_listed()}"
            said = f"no command named {args[0]!r}; {hint}"
            raise click.UsageError(_of_kernels(args[0]) or said, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _of_kernels(word: str) -> str:
    """Say what is meant by a kernel, or what is none, in place of a command; '' if nothing is."""
    from convcli.kernels.others import other
    from convcli.kernels.registry import canonical, normal

    if canonical(word):
        return f"{word!r} is a kernel and no command; did you mean 'convcli apply {word}'?"
    return other(normal(word))


def _listed() -> str:
    return ", ".join(_COMMANDS)


#: Not the docstring, which `python -OO` takes away.
_HELP = """Filter images with convolution kernels.

A kernel slides over the image; at each place its weights are multiplied with the samples
below and added up. What was done, and how large the result is, is said on standard error.

Exit status: 0 done, 1 something could not be done, 2 the command line is wrong, 130
interrupted.
"""


@click.group(
    cls=LazyGroup,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="""\b
Examples:
  convcli apply sobel-x photo.png
  convcli apply gaussian:sigma=2 photos/ -o blurred/ --recursive
  convcli shape --n 7 --f 3 --s 2 --p 1
  convcli kernels sobel-x""",
)
@click.version_option(__version__, "--version", prog_name="convcli", message="%(prog)s %(version)s")
def cli() -> None:
    """Filter images with convolution kernels."""


def call(arguments: Sequence[str] | None) -> Any:
    """Run a command line; what Click finds wrong is said, and its exit status returned.

    Parameters
    ----------
    arguments
        None for the process's own, in which Click expands wildcards on Windows.

    Raises
    ------
    Stopped, KeyboardInterrupt, OSError
        If it came to an end early.
    """
    try:
        given = None if arguments is None else list(arguments)
        return cli.main(args=given, prog_name="convcli", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USAGE
    except click.UsageError as error:
        return say(_usage(error), WRONG_USAGE)
    except click.ClickException as error:
        return say(str(error), FAILED)
    except click.Abort as error:
        raise KeyboardInterrupt from error


def _usage(error: click.UsageError) -> str:
    """Return what is wrong with a command line, and where to read on unless that is said."""
    if isinstance(error, click.NoSuchOption):
        message = _no_option(error)
    else:
        said = error.format_message().rstrip(".")
        message = said[:1].lower() + said[1:]
    wrong = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
    if error.ctx is None or wrong or message.endswith("?"):
        return message
    return f"{message}; see '{error.ctx.command_path} --help'"


def _no_option(error: click.NoSuchOption) -> str:
    """Suggest the option that was meant, or, for what may be a file, how to write it."""
    from difflib import get_close_matches

    name = error.option_name
    known = [opt for p in error.ctx.command.params for opt in p.opts] if error.ctx else []
    if name.startswith("--"):
        close = get_close_matches(name[2:64], [opt.lstrip("-") for opt in known], n=1, cutoff=0.7)
        return f"no option {name}" + (f"; did you mean --{close[0]}?" if close else "")
    return f"no option {name}; for a file whose name begins with a minus, write ./{name}…"
