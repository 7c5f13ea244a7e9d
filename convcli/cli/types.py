"""What may be typed for an argument, and what is said if it can't be read."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from convcli.errors import KernelError
from convcli.geometry import PADDING_WORDS, Padding, Pair

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Stands before an argument that begins with a minus but is no option.
_NOT_AN_OPTION = "\0"
_MATRIX = re.compile(r"-[\d.].*[\s,;/]", re.DOTALL)


class MatrixCommand(click.Command):
    """A command whose arguments may be matrices that begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Mark what looks like a matrix, so that it isn't taken for options."""
        ended = args.index("--") if "--" in args else len(args)
        marked = [
            _NOT_AN_OPTION + arg if k < ended and _MATRIX.match(arg) else arg
            for k, arg in enumerate(args)
        ]
        return super().parse_args(ctx, marked)


def typed(value: Any) -> str:
    """Return an argument as it was typed."""
    return str(value).removeprefix(_NOT_AN_OPTION)


class Typed(click.ParamType):  # type: ignore[type-arg]
    """Something typed; Click 8.2's own class takes no type argument."""


class KernelType(Typed):
    """A kernel: a name, a name with parameters, a matrix, or a file."""

    name = "KERNEL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the kernel or compound that was meant."""
        if not isinstance(value, str):
            return value
        from convcli.kernels import parse_kernel

        try:
            return parse_kernel(typed(value))
        except KernelError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete kernel names."""
        from click.shell_completion import CompletionItem

        from convcli.kernels import names

        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


class PathType(Typed):
    """A file, a folder, or `-`."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path as it was typed."""
        return typed(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class Numbers(Typed):
    """A whole number, or two: ROWS,COLS."""

    name = "N|ROWS,COLS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | Pair:
        """Split at the comma."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        parts = value.split(",")
        if len(parts) > 2 or not all(part.strip().isdigit() for part in parts):
            self.fail(f"expected a whole number, or two as ROWS,COLS; got {value!r}", param, ctx)
        numbers = [int(part) for part in parts]
        return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


class PaddingType(Numbers):
    """A padding: a word, a number, or two."""

    name = "same|valid|full|N|ROWS,COLS"

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Padding:
        """Keep a word, else numbers."""
        if value in PADDING_WORDS:
            return str(value)
        if isinstance(value, str) and not value[:1].isdigit():
            self.fail(
                f"expected {', '.join(PADDING_WORDS)}, a whole number, or two as ROWS,COLS; "
                f"got {value!r}",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class ScaleType(Typed):
    """A factor, or `auto`."""

    name = "NUMBER|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Keep `auto`, else a number."""
        if value == "auto":
            return "auto"
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not isfinite(number) or number == 0:
            self.fail(f"expected a number other than 0, or auto; got {value!r}", param, ctx)
        return number
