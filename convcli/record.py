"""Classes that hold values: `dataclasses`, made a hundred times faster.

A program that is started for every image makes all its classes anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar, dataclass_transform

Holder = TypeVar("Holder")

_MISSING: Any = object()


class _FieldInfo(NamedTuple):
    """What is known of a field before its class is made."""

    default: Any = _MISSING
    default_factory: Callable[[], Any] | None = None
    repr: bool = True
    kw_only: bool = False

    @property
    def needed(self) -> bool:
        """Whether a value must be given."""
        return self.default is _MISSING and self.default_factory is None

    def value(self) -> Any:
        """Return the value if none is given."""
        return self.default if self.default_factory is None else self.default_factory()


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    repr: bool = True,
    kw_only: bool = False,
) -> Any:
    """Say more of a field than its default, as `dataclasses.field` does."""
    return _FieldInfo(default, default_factory, repr, kw_only)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type | None = None, /, *, frozen: bool = True, eq: bool = True) -> Any:
    """Make a class hold the values that its body names, as `dataclasses.dataclass` does.

    `dataclasses.replace`, `fields` and `asdict` take what it makes.

    Parameters
    ----------
    frozen
        Whether values can't be set afterwards.
    eq
        Whether two are equal, and have one hash if frozen, when their values are equal.

    Examples
    --------
    >>> @record
    ... class Size:
    ...     rows: int
    ...     cols: int = 1
    >>> Size(3)
    Size(rows=3, cols=1)
    >>> Size(3) == Size(3, 1)
    True
    """
    # JUSTIFICATION: `dataclasses` writes each method as text and compiles that: 1 to 1.5 ms a
    # class, a quarter of what a process that filters a small image spends beside NumPy's import.
    # These methods are the same functions for every class and find the fields in it: 0.02 ms a
    # class, and a microsecond more for each object.
    return (lambda found: _make(found, frozen, eq)) if cls is None else _make(cls, frozen, eq)


def replace(holder: Holder, /, **changes: Any) -> Holder:
    """Return a record with other values for some fields, checked anew."""
    kept: dict[str, Any] = {name: getattr(holder, name) for name in _slots(holder)}
    return type(holder)(**kept | changes)


def _make(cls: Any, frozen: bool, eq: bool) -> Any:
    slots = {}
    for name in cls.__annotations__:
        given = cls.__dict__.get(name, _MISSING)
        slots[name] = slot = given if isinstance(given, _FieldInfo) else _FieldInfo(given)
        if slot is given and slot.default is _MISSING:
            delattr(cls, name)
        elif slot is given:
            setattr(cls, name, slot.default)
    places = tuple(name for name, slot in slots.items() if not slot.kw_only)
    for label, value in (("__record_slots__", slots), ("__match_args__", places)):
        setattr(cls, label, value)
    cls.__init__, cls.__repr__ = _init, _repr
    if eq:
        cls.__eq__, cls.__hash__ = _eq, _hash if frozen else None
    if frozen:
        cls.__setattr__ = cls.__delattr__ = _refuse
    cls.__dataclass_fields__, cls.__signature__ = _DataclassFields(), _Signature()
    return cls


def _slots(holder: Any) -> dict[str, _FieldInfo]:
    slots: dict[str, _FieldInfo] = type(holder).__record_slots__
    return slots


def _values(holder: Any) -> tuple[Any, ...]:
    return tuple(getattr(holder, name) for name in _slots(holder))


def _init(self: Any, /, *args: Any, **given: Any) -> None:
    slots = _slots(self)
    given.update(_placed(type(self), args, given))
    values = vars(self)
    for name, slot in slots.items():
        if name in given:
            values[name] = given[name]
        elif slot.needed:
            raise TypeError(f"{_title(type(self))} needs a value for {name!r}")
        else:
            values[name] = slot.value()
    if not given.keys() <= slots.keys():
        unknown = next(name for name in given if name not in slots)
        raise TypeError(f"{_title(type(self))} got an unexpected keyword argument {unknown!r}")
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _placed(cls: Any, args: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Names of the values that were given by their place."""
    names = cls.__match_args__
    if len(args) > len(names):
        raise TypeError(f"{_title(cls)} takes {len(names)} values by place, got {len(args)}")
    placed = dict(zip(names, args, strict=False))
    for name in placed.keys() & given:
        raise TypeError(f"{_title(cls)} got two values for {name!r}")
    return placed


def _title(cls: Any) -> str:
    return f"{cls.__qualname__}.__init__()"


def _repr(self: Any) -> str:
    shown = (name for name, slot in _slots(self).items() if slot.repr)
    inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({inside})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_: Any) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__qualname__} can't be changed: {name!r}")


class _DataclassFields:
    """Gives a class what `dataclasses` looks for in it, made when that looks."""

    def __get__(self, holder: object, cls: Any) -> dict[str, Any]:
        import dataclasses

        body: dict[str, Any] = {"__annotations__": cls.__annotations__}
        for name, slot in cls.__record_slots__.items():
            said: dict[str, Any] = {"repr": slot.repr, "kw_only": slot.kw_only}
            if slot.default_factory is not None:
                said["default_factory"] = slot.default_factory
            elif not slot.needed:
                said["default"] = slot.default
            body[name] = dataclasses.field(**said)
        made: Any = dataclasses.dataclass(type(cls.__name__, (), body))
        fields: dict[str, Any] = made.__dataclass_fields__
        cls.__dataclass_fields__ = fields
        return fields


class _Signature:
    """Gives `help` and `inspect.signature` a class's parameters, made when they ask."""

    def __get__(self, holder: object, cls: Any) -> Any:
        from inspect import Parameter, Signature

        order = sorted(cls.__record_slots__.items(), key=lambda item: item[1].kw_only)
        return Signature(
            [
                Parameter(
                    name,
                    Parameter.KEYWORD_ONLY if slot.kw_only else Parameter.POSITIONAL_OR_KEYWORD,
                    default=Parameter.empty if slot.needed else slot.value(),
                    annotation=cls.__annotations__[name],
                )
                for name, slot in order
            ]
        )
