"""The `convcli` group: commands loaded when called, and the one place where errors end."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from convcli import __version__
from convcli.errors import ConvError, UsageError

#: Exit statuses, all there are.
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_COMMANDS = {
    "apply": "Filter pictures with a kernel.",
    "shape": "Work out the output size, step by step.",
    "kernels": "List the kernels, look at one, or check a file of your own.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

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

            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {_listed()}"
            raise click.UsageError(f"no command named {args[0]!r}; {hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _listed() -> str:
    return ", ".join(_COMMANDS)


@click.group(
    cls=LazyGroup,
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
    """Filter pictures with convolution kernels.

    A kernel slides over the picture; at each place its weights are multiplied with the samples
    below and added up. What was done, and how large the result is, is said on standard error.

    Exit status: 0 done, 1 something could not be done, 2 the command line is wrong, 130
    interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status; every expected error is one line."""
    try:
        result: Any = cli.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="convcli",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        where = f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
        return _say(f"{error.format_message().rstrip('.')}{where}", WRONG_USAGE)
    except UsageError as error:
        return _say(str(error), WRONG_USAGE)
    except (ConvError, click.ClickException) as error:
        return _say(str(error), FAILED)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted; what was finished is whole", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing can be said there, at exit least of all.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return result if isinstance(result, int) else DONE


def _say(message: str, status: int) -> int:
    click.echo(f"convcli: {message}", err=True)
    return status


def run() -> None:
    """Entry point of the `convcli` script."""
    sys.exit(main())
