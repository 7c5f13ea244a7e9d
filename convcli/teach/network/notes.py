"""What is worth knowing of a network besides its numbers."""

from __future__ import annotations

from convcli.geometry import Axis
from convcli.record import record
from convcli.teach.network.banks import Conv, Depthwise
from convcli.teach.network.fields import INPUT
from convcli.teach.network.stack import LayerStep, Trace


@record
class Stack:
    """Equal convolutions one after the other, which see what one larger convolution does.

    Parameters
    ----------
    numbers
        The layers' numbers, of every such stack.
    taps
        Of each filter along an axis.
    channels
        In and out.
    dims
        Axes that they slide along.

    Examples
    --------
    >>> two = Stack(((1, 2),), taps=3, channels=64)
    >>> two.field, two.weights, two.weights_of_one
    (5, 73728, 102400)
    """

    numbers: tuple[tuple[int, ...], ...]
    taps: int
    channels: int
    dims: int = 2

    @property
    def count(self) -> int:
        """Convolutions in a stack."""
        return len(self.numbers[0])

    @property
    def field(self) -> int:
        """Samples of the stack's input that an output sees, along an axis."""
        field = INPUT
        for _ in range(self.count):
            field = field.slid(Axis(self.taps, self.taps, before=self.taps, after=self.taps))
        return field.size

    @property
    def weights(self) -> int:
        """Weights of a stack."""
        return self.count * self._weights(self.taps)

    @property
    def weights_of_one(self) -> int:
        """Weights of the one convolution that sees as far."""
        return self._weights(self.field)

    def _weights(self, taps: int) -> int:
        weights: int = taps**self.dims * self.channels * self.channels
        return weights


def stacks(trace: Trace) -> tuple[Stack, ...]:
    """Return the stacks of a network; those alike are one entry."""
    found: dict[tuple[int, int, int, int], list[tuple[int, ...]]] = {}
    run: list[LayerStep] = []
    heads = [step for step in trace.steps if not step.follows]
    for step in [*heads, None]:
        if run and (step is None or not _continues(run[-1], step)):
            if len(run) > 1:
                layer = run[0].layer
                assert isinstance(layer, Conv)
                size = layer.window.size
                key = (size[0], len(size), layer.filters, len(run))
                found.setdefault(key, []).append(tuple(one.number for one in run))
            run = []
        if step is not None and _stackable(step):
            run.append(step)
    return tuple(
        Stack(tuple(numbers), taps, channels, dims)
        for (taps, dims, channels, _), numbers in found.items()
    )


def _stackable(step: LayerStep) -> bool:
    layer = step.layer
    if not isinstance(layer, Conv) or layer.groups > 1:
        return False
    window = layer.window
    ones, taps = (1,) * window.dims, window.size[0]
    return (
        window.size == (taps,) * window.dims > ones
        and window.stride == window.dilation == ones
        and step.input.channels == step.output.channels
    )


def _continues(last: LayerStep, step: LayerStep) -> bool:
    """Whether a step carries a stack on."""
    return _stackable(step) and step.layer == last.layer and step.path == last.path


def dense_parameters(step: LayerStep) -> int | None:
    """Return the parameters of a fully connected layer in place of a convolution.

    It has a weight for every pair of an input and an output value.
    """
    if not isinstance(step.layer, Conv | Depthwise):
        return None
    return (step.input.values + step.layer.bias) * step.output.values
