"""A network, and what each of its layers makes of the volume before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from convcli.errors import UsageError
from convcli.geometry import Axis
from convcli.record import field, record
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.fields import INPUT
from convcli.teach.network.layers import Add, Flatten, Layer, Plain, Pool
from convcli.teach.network.origin import Origin
from convcli.teach.network.volume import Cost, ReceptiveField, Volume

#: Digits of a layer's number; Python reads up to 4300.
_DIGITS = 9
#: Layers that a network may have once repetitions are written out.
MOST_LAYERS = 10_000


@record
class Single:
    """A layer where it stands.

    Parameters
    ----------
    layer
        The layer.
    place
        Where it begins in the specification, in characters.
    label
        The name that it was given, or ''.
    """

    layer: Layer
    place: int
    label: str = ""


@record
class Residual:
    """Two paths from the same volume, whose outputs are added.

    Parameters
    ----------
    main
        The layers of the one.
    shortcut
        Those of the other; none if the volume itself is added.
    place, label
        As for `Single`.
    """

    main: tuple[Entry, ...]
    shortcut: tuple[Entry, ...]
    place: int
    label: str = ""


Entry: TypeAlias = Single | Residual


@record
class Network:
    """Layers one after the other.

    Parameters
    ----------
    entries
        The layers.
    origin
        What they were read from, to show where a mistake is.
    name, title, source
        What it is called, and whose it is; '' if not known.
    input
        The volume it is made for; None if it wasn't said.
    """

    entries: tuple[Entry, ...]
    origin: Origin = field(repr=False)
    name: str = ""
    title: str = ""
    source: str = ""
    input: Volume | None = None

    @property
    def dims(self) -> int:
        """Axes that its layers slide along, as the first that slides says; 2 if none does."""
        return next(_axes(self.entries), 2)


def _axes(entries: Sequence[Entry]) -> Iterator[int]:
    """Return the number of axes of every layer that slides."""
    for entry in entries:
        if isinstance(entry, Residual):
            yield from _axes((*entry.main, *entry.shortcut))
        elif isinstance(entry.layer, Conv | Depthwise | Transposed | Pool):
            yield entry.layer.window.dims


@record
class LayerStep:
    """A layer and what it makes of its input.

    Parameters
    ----------
    number
        Counted from 1; layers that are done in place have that of the layer before.
    follows
        Whether it is such a layer.
    path
        For every block around it `main`, `shortcut` or `add`, the outermost first.
    input, output, cost, fields
        What goes in and comes out, what it takes, and what its outputs see.
    before
        What its inputs see.
    """

    number: int
    layer: Layer
    label: str
    follows: bool
    path: tuple[str, ...]
    input: Volume
    output: Volume
    cost: Cost
    fields: ReceptiveField
    before: ReceptiveField

    @property
    def bytes(self) -> int:
        """Memory of what it puts out, as float32; none if it only looks at its input anew."""
        in_place = self.follows or isinstance(self.layer, Flatten)
        return 0 if in_place else self.output.bytes

    @property
    def axes(self) -> tuple[Axis, ...]:
        """How the window lies over the input; empty if the layer slides none, or spreads it."""
        if isinstance(self.layer, Conv | Depthwise | Pool):
            return self.layer.axes(self.input)
        return ()


@record
class Trace:
    """All steps of a network, and their sums.

    Parameters
    ----------
    network, input, steps
        What was followed, from where, through which layers.
    """

    network: Network
    input: Volume
    steps: tuple[LayerStep, ...]

    @property
    def output(self) -> Volume:
        """What comes out at the end."""
        return self.steps[-1].output

    @property
    def cost(self) -> Cost:
        """What all layers take together."""
        costs = [step.cost for step in self.steps]
        return Cost(
            sum(cost.weights for cost in costs),
            sum(cost.biases for cost in costs),
            sum(cost.multiply_adds for cost in costs),
        )

    @property
    def bytes(self) -> int:
        """Memory of the input and of what each layer puts out, as float32."""
        return self.input.bytes + sum(step.bytes for step in self.steps)

    def layer(self, name: str) -> tuple[LayerStep, ...]:
        """Return a layer, by its number or label, and those that are done in place after it.

        Raises
        ------
        UsageError
            If there is none of that name.
        """
        numbers = {step.label.lower(): step.number for step in reversed(self.steps) if step.label}
        counts = name.isdecimal() and len(name) <= _DIGITS
        number = int(name) if counts else numbers.get(name.lower())
        found = tuple(step for step in self.steps if step.number == number)
        if not found:
            raise UsageError(
                f"no layer {name!r}; expected a number from 1 to {self.steps[-1].number}"
                + (f", or a name such as {self.steps[0].label}" if self.steps[0].label else "")
            )
        return found


def follow(network: Network, volume: Volume) -> Trace:
    """Follow a volume through a network.

    Raises
    ------
    PlacedError
        If a layer can't take what it gets; with its place.
    """
    walk = _Walk(network.origin)
    walk.through(network.entries, volume, ReceptiveField((INPUT,) * len(volume.grid)), ())
    return Trace(network, volume, tuple(walk.steps))


class _Walk:
    """The steps so far."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.steps: list[LayerStep] = []
        self.number = 0

    def through(
        self,
        entries: tuple[Entry, ...],
        volume: Volume,
        fields: ReceptiveField,
        path: tuple[str, ...],
    ) -> tuple[Volume, ReceptiveField]:
        """Go through entries, and return what comes out and what that sees."""
        for count, entry in enumerate(entries):
            if isinstance(entry, Residual):
                volume, fields = self._block(entry, volume, fields, path)
            else:
                volume, fields = self._single(entry, volume, fields, (path, count > 0))
        return volume, fields

    def _single(
        self,
        entry: Single,
        volume: Volume,
        fields: ReceptiveField,
        where: tuple[tuple[str, ...], bool],
    ) -> tuple[Volume, ReceptiveField]:
        path, after = where
        layer = entry.layer
        follows = after and isinstance(layer, Plain)
        self.number += not follows
        if len(self.steps) >= MOST_LAYERS:
            raise self.origin.error(f"over {MOST_LAYERS:,} layers", entry.place)
        try:
            output, cost = layer.output(volume), layer.cost(volume)
            seen = layer.see(fields, volume)
        except UsageError as error:
            reason = f"layer {self.number}, {layer.text!r}, gets {volume}: {error}"
            raise self.origin.error(reason, entry.place) from None
        if follows:
            path = self.steps[-1].path
        self.steps.append(
            LayerStep(
                self.number, layer, entry.label, follows, path, volume, output, cost, seen, fields
            )
        )
        return output, seen

    def _block(
        self, block: Residual, volume: Volume, fields: ReceptiveField, path: tuple[str, ...]
    ) -> tuple[Volume, ReceptiveField]:
        first = self.number + 1
        output, seen = self.through(block.main, volume, fields, (*path, "main"))
        other, also = self.through(block.shortcut, volume, fields, (*path, "shortcut"))
        if output != other:
            hint = "" if block.shortcut else "; give it a shortcut, + { conv 1 … }"
            raise self.origin.error(
                f"the block from layer {first} on adds {output} and {other}; "
                f"expected the same shape{hint}",
                block.place,
            )
        try:
            seen = seen.joined(also, output)
        except UsageError as error:
            reason = f"the block from layer {first} on: {error}"
            raise self.origin.error(reason, block.place) from None
        self.number += 1
        self.steps.append(
            LayerStep(
                self.number,
                Add("add" if block.shortcut else "add input"),
                block.label,
                False,
                (*path, "add"),
                output,
                output,
                Cost(),
                seen,
                seen,
            )
        )
        return output, seen
