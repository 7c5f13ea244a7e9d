"""The `convcli` group: commands loaded when called, and the one place where errors end."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from convcli import __version__
from convcli.errors import ConvError, UsageError
from convcli.report.lines import printable

#: Exit statuses, all there are.
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_COMMANDS = {
    "apply": "Filter pictures with a kernel.",
    "shape": "Work out the output size, step by step.",
    "kernels": "List the kernels, look at one, or check a file of your own.",
}


class Stopped(Exception):
    """Ctrl-C, or a reader that has gone: what Click would otherwise end in its own way."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError) as error:
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
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USAGE
    except click.UsageError as error:
        return _say(_usage(error), WRONG_USAGE)
    except UsageError as error:
        return _say(str(error), WRONG_USAGE)
    except (ConvError, click.ClickException) as error:
        return _say(str(error), FAILED)
    except (Stopped, click.Abort, KeyboardInterrupt, OSError) as error:
        return _stopped(error)
    return result if isinstance(result, int) else DONE


def _stopped(error: BaseException) -> int:
    """Say why all came to an end, unless it is that nobody listens."""
    reason = error.__cause__ if isinstance(error, Stopped) else error
    if not isinstance(reason, OSError):
        # The terminal has shown ^C.
        click.echo("\n" * sys.stderr.isatty(), nl=False, err=True)
        return _say("interrupted; what was finished is whole", INTERRUPTED)
    # What is still to be written goes nowhere, or Python would try again at exit.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(reason, BrokenPipeError):
        return FAILED
    return _say(f"standard output: {(reason.strerror or str(reason)).lower()}", FAILED)


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
        close = get_close_matches(name[2:], [opt.lstrip("-") for opt in known], n=1, cutoff=0.7)
        return f"no option {name}" + (f"; did you mean --{close[0]}?" if close else "")
    return f"no option {name}; for a file whose name begins with a minus, write ./{name}…"


def _say(message: str, status: int) -> int:
    click.echo(f"convcli: {printable(message)}", err=True)
    return status


def run() -> NoReturn:
    """Entry point of the `convcli` script."""
    import signal

    # Nothing here multiplies matrices. OpenBLAS, which comes with NumPy, would start a thread for
    # each processor all the same, and these would keep the others from their work for a while.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What was begun is removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started this: nobody listens
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal without ⌊ or × gets a ? instead.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    _leave(main())


def _leave(status: int) -> NoReturn:
    """End the process."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError as error:
        status = _stopped(error)
    # JUSTIFICATION: to take NumPy apart object by object takes 20 ms, a tenth of what a small
    # picture takes. Files are closed and synced by now, threads have ended, streams are flushed.
    os._exit(status)
