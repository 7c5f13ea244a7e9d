"""What may be typed for an argument, and what is said if it can't be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from convcli.cli.status import tell
from convcli.cli.volume import is_volume, three_numbers, volume_kernel
from convcli.errors import KernelError, UsageError
from convcli.region import Region

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Stands before an argument that begins with a minus but is no option.
_NOT_AN_OPTION = "\0"
_NEGATIVE = re.compile(r"-\s*[\d.]")
#: Strides, dilations and paddings above are slips of the finger that would only take memory.
MOST = 10_000
#: Under which name a command finds its kernels as they were typed, in Click's `Context.meta`.
KERNELS = "convcli.kernels"
#: Options that add a layer, and under which name a command finds them in the order typed.
LAYERS, ORDER = ("--bank", "--then", "--relu", "--pool"), "convcli.layers"
#: Stands for the KERNEL where an option says what is done.
_NO_KERNEL = "\0\0"
#: Numbers beyond, or nearer to 0, leave nothing of an image: single precision holds up to 3e38.
_LARGEST, _SMALLEST = 1e30, 1e-30


class ConvCommand(click.Command):
    """A command that says which of its options had no effect."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        result = super().invoke(ctx)
        asked = typed_options(ctx)
        # `apply` says so itself, where it is known what became of an image.
        if asked and self.name != "apply" and not ctx.params.get("quiet"):
            from convcli.cli.effects import notes
            from convcli.cli.idle import Call

            kernels = [ctx.params["kernel"]] if "kernel" in ctx.params else []
            images = ctx.params.get("images") or filter(None, [ctx.params.get("image")])
            for note in notes(str(self.name), asked, Call(ctx.params, kernels, sources=[*images])):
                tell(f"convcli: {note}")
        return result


def typed_options(ctx: click.Context) -> frozenset[str]:
    """Return the options that were typed, by their parameters' names."""
    return frozenset(
        str(option.name)
        for option in ctx.command.params
        if isinstance(option, click.Option)
        and ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    )


class MatrixCommand(ConvCommand):
    """A command whose arguments may be matrices that begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Mark arguments that look like a negative number, so that they aren't taken for options.

        An option's value is left alone: Click takes it as it is.
        """
        ended = args.index("--") if "--" in args else len(args)
        options = [option for option in self.params if isinstance(option, click.Option)]
        takers = self.takers
        # Click looks for similar long options, 3 ms, before it tries a short one.
        long = {name: option.opts[-1] for option in options for name in option.opts}
        taken = False
        marked = []
        for arg in args[:ended]:
            if taken:
                marked.append(arg)
            elif _NEGATIVE.match(arg) and arg not in long:
                marked.append(_NOT_AN_OPTION + arg)
            else:
                marked.append(long.get(arg, arg))
            taken = not taken and arg in takers
        return super().parse_args(ctx, marked + args[ended:])

    @property
    def takers(self) -> set[str]:
        """Names of the options that take a value."""
        options = [option for option in self.params if isinstance(option, click.Option)]
        return {
            name
            for option in options
            if not option.is_flag and not option.count
            for name in option.opts
        }


class LayerCommand(MatrixCommand):
    """A command whose options say what is done, one after the other, in the order typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the order of layers; with a bank of kernels the KERNEL goes without saying."""
        order, taken, takers = [], False, self.takers
        for arg in args[: args.index("--") if "--" in args else len(args)]:
            name = arg.partition("=")[0]
            if not taken and name in LAYERS:
                order.append(name)
            taken = not taken and arg in takers
        ctx.meta[ORDER] = order
        return super().parse_args(ctx, [_NO_KERNEL, *args] if "--bank" in order else args)


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
        text = typed(value)
        if ctx is not None:
            ctx.meta.setdefault(KERNELS, []).append(text)
        try:
            return volume_kernel(text) if is_volume(ctx) else self.parse(text)
        except KernelError as error:
            self.fail(str(error), param, ctx)

    def parse(self, text: str) -> Any:
        """Return what a text stands for."""
        from convcli.kernels import parse_kernel

        return parse_kernel(text)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete kernel names."""
        from click.shell_completion import CompletionItem

        from convcli.kernels import names

        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


class LayerType(KernelType):
    """A kernel, or a bank of filters in a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the kernel, compound or bank that was meant; None where an option says it."""
        return None if value == _NO_KERNEL else super().convert(value, param, ctx)

    def parse(self, text: str) -> Any:
        """Return what a text stands for."""
        from convcli.kernels.notation import as_bank

        if not as_bank(text.strip())[0]:
            return super().parse(text)
        from convcli.kernels.bank_notation import parse_layer

        return parse_layer(text)


class BankType(KernelType):
    """Kernels parted by commas."""

    name = "KERNEL,KERNEL…"

    def parse(self, text: str) -> Any:
        """Return the bank of them."""
        from convcli.kernels.bank_notation import parse_bank

        return parse_bank(text)


class PoolType(Typed):
    """A pooling: max or avg, size, and if wanted stride and padding."""

    name = "max|avg,F[,S[,P]]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        from convcli.pipeline.layers import parse_pool

        try:
            return parse_pool(value) if isinstance(value, str) else value
        except UsageError as error:
            self.fail(str(error), param, ctx)


class KernelText(KernelType):
    """A kernel as it was typed; it is completed as one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what was typed."""
        return typed(value)


class PathType(Typed):
    """A file, a folder, or `-`."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path as it was typed; nothing is no path, though the system takes it for one.

        An empty name often is a variable of the shell that isn't set.
        """
        path = typed(value)
        if not path:
            self.fail("expected a file, a folder, or -; got ''", param, ctx)
        return path

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class RegionType(Typed):
    """A rectangle of an image: X,Y,WxH."""

    name = "X,Y,WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        try:
            return Region.parse(typed(value) if isinstance(value, str) else value)
        except UsageError as error:
            self.fail(str(error).removeprefix("`region` "), param, ctx)


class NumbersType(Typed):
    """A whole number, or two: ROWS,COLS.

    Parameters
    ----------
    least
        The smallest that is taken.
    """

    name = "N|ROWS,COLS"

    def __init__(self, least: int = 1) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split at the comma."""
        if not isinstance(value, str):
            return value
        if is_volume(ctx):
            return three_numbers(value, self.least, MOST)
        parts = [whole(part) for part in value.split(",")]
        found = [n for n in parts if n is not None and self.least <= n <= MOST]
        if len(parts) > 2 or len(found) < len(parts):
            self.fail(f"expected {self.expected}; got {value!r}", param, ctx)
        return found[0] if len(found) == 1 else (found[0], found[1])

    @property
    def expected(self) -> str:
        """What may be typed, in words."""
        return f"a whole number from {self.least} to {MOST:,}, or two as ROWS,COLS"


class Whole(Typed):
    """A whole number.

    Parameters
    ----------
    least, most
        The range, both ends included; `most` None for any above.
    """

    name = "N"

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it and check its range."""
        number = value if isinstance(value, int) else whole(str(value))
        top = number if self.most is None else self.most
        if number is None or top is None or not self.least <= number <= top:
            words = f"of at least {self.least}" if self.most is None else self.range
            self.fail(f"expected a whole number {words}; got {value!r}", param, ctx)
        return number

    @property
    def range(self) -> str:
        """The range in words."""
        return f"from {self.least} to {self.most}"


class Real(Typed):
    """A number that is neither infinite nor undefined.

    Parameters
    ----------
    least, most
        The range, both ends included.
    zero
        Whether 0 may be typed, and what is nearly 0.
    word
        A word that may stand instead of a number; '' if none.
    """

    name = "NUMBER"

    def __init__(
        self,
        least: float = -_LARGEST,
        most: float = _LARGEST,
        *,
        zero: bool = True,
        word: str = "",
    ) -> None:
        self.least, self.most = least, most
        self.zero, self.word = zero, word
        if word:
            self.name = f"NUMBER|{word}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Read it and check its range."""
        if self.word and str(value).lower() == self.word:
            return self.word
        try:
            number = float(value)
        except ValueError:
            number = nan
        if not self._takes(number):
            free = self.least == -_LARGEST and not isnan(number) and number
            size = f" ({_SMALLEST:g} to {_LARGEST:g} in size)" if free else ""
            self.fail(f"expected {self.expected}{size}; got {value!r}", param, ctx)
        return number

    def _takes(self, number: float) -> bool:
        inside = self.least <= number <= self.most
        return inside and (self.zero or abs(number) >= _SMALLEST)

    @property
    def expected(self) -> str:
        """What may be typed, in words."""
        words = "a number" if self.zero else "a number other than 0"
        if self.least > -_LARGEST and self.most < _LARGEST:
            words += f" from {self.least:g} to {self.most:g}"
        elif self.least > -_LARGEST:
            words += f" of at least {self.least:g}"
        return f"{words}, or {self.word}" if self.word else words


class Word(click.Choice[str]):
    """One of some words, in any case.

    Parameters
    ----------
    words
        The words.
    others
        Words that are taken, too, but not told of.
    """

    def __init__(self, words: Iterable[str], others: Iterable[str] = ()) -> None:
        self.words = [str(word) for word in words]
        super().__init__([*self.words, *others], case_sensitive=False)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say what was expected and got."""
        return f"expected {', '.join(self.words[:-1])} or {self.words[-1]}; got {value!r}"


def whole(text: str) -> int | None:
    """Return a whole number of 0 or more; None for anything else.

    Examples
    --------
    >>> whole(" 12 "), whole("-1"), whole("²")
    (12, None, None)
    """
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) <= 30 else None
