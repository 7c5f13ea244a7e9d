"""Records behave as the standard library's data classes do, which are the reference here."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass
from functools import cached_property

import pytest

from convcli.record import field, record, replace


def bodies(decorate, field):
    """A class of every kind of field, made by one or the other."""

    @decorate
    class Thing:
        first: int
        second: str = "two"
        hidden: bytes = field(default=b"h", repr=False)
        many: list[int] = field(default_factory=list)
        named: float = field(default=0.5, kw_only=True)
        last: int = field(kw_only=True, default=9)

        def __post_init__(self):
            if self.first < 0:
                raise ValueError("negative")
            object.__setattr__(self, "second", self.second.upper())

        @cached_property
        def double(self):
            return 2 * self.first

    return Thing


Mine = bodies(record, field)
Theirs = bodies(dataclass(frozen=True), dataclasses.field)


@record
class Pair:
    """At the module's top, to be pickled."""

    one: int
    two: int = 2


CALLS = [
    ((1,), {}),
    ((1, "b", b"c", [1, 2]), {"named": 2.0, "last": 3}),
    ((), {"first": 4, "second": "x"}),
    ((1, "b"), {"many": []}),
]
WRONG = [
    ((), {}),
    ((1, "b", b"c", [], 2.0), {}),
    ((1,), {"first": 2}),
    ((1,), {"other": 2}),
]


@pytest.mark.parametrize(("args", "given"), CALLS)
def test_values_are_those_of_a_data_class(args, given):
    mine, theirs = Mine(*args, **given), Theirs(*args, **given)
    assert vars(mine) == vars(theirs)
    assert repr(mine) == repr(theirs)
    assert mine.double == theirs.double
    assert mine == Mine(*args, **given)
    assert mine != theirs
    assert dataclasses.asdict(mine) == dataclasses.asdict(theirs)
    assert vars(copy.copy(mine)) == vars(mine)
    for change in ({}, {"first": 7}, {"last": 1, "many": [3]}):
        assert vars(replace(mine, **change)) == vars(dataclasses.replace(theirs, **change))
        assert dataclasses.replace(mine, **change) == replace(mine, **change)


@pytest.mark.parametrize("cls", [Mine, Theirs])
@pytest.mark.parametrize(("args", "given"), WRONG)
def test_wrong_arguments_are_refused(cls, args, given):
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        cls(*args, **given)


@pytest.mark.parametrize("cls", [Mine, Theirs])
def test_a_check_is_run_whenever_one_is_made(cls):
    with pytest.raises(ValueError, match="negative"):
        cls(-1)
    for change in (replace, dataclasses.replace) if cls is Mine else (dataclasses.replace,):
        with pytest.raises(ValueError, match="negative"):
            change(cls(1), first=-1)


def test_unknown_changes_are_refused():
    with pytest.raises(TypeError, match="'other'"):
        replace(Mine(1), other=2)


@pytest.mark.parametrize("cls", [Mine, Theirs])
def test_it_can_not_be_changed(cls):
    thing = cls(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        thing.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del thing.first
    with pytest.raises(dataclasses.FrozenInstanceError):
        thing.other = 2
    assert thing.first == 1


def test_default_lists_are_not_shared():
    one, two = Mine(1), Mine(1)
    one.many.append(1)
    assert two.many == []


def test_equal_records_have_one_hash():
    assert hash(Pair(1)) == hash(Pair(1, 2))
    assert len({Pair(1), Pair(1, 2), Pair(1, 3)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Mine(1))  # it holds a list


def test_they_can_be_compared_by_identity_and_be_changeable():
    @record(eq=False)
    class Same:
        value: int

    @record(frozen=False)
    class Open:
        value: int = 1

    assert Same(1) != Same(1)
    assert len({Same(1), Same(1)}) == 2
    thing = Open()
    thing.value = 2
    assert thing == Open(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(thing)


def test_pickles_and_patterns():
    assert pickle.loads(pickle.dumps(Pair(3))) == Pair(3)
    match Pair(3):
        case Pair(one, two):
            assert (one, two) == (3, 2)


def test_tools_see_the_fields():
    assert dataclasses.is_dataclass(Mine)
    assert dataclasses.is_dataclass(Mine(1))
    mine, theirs = dataclasses.fields(Mine), dataclasses.fields(Theirs)
    assert [f.name for f in mine] == [f.name for f in theirs]
    assert [f.repr for f in mine] == [f.repr for f in theirs]
    assert [f.default for f in mine] == [f.default for f in theirs]
    assert Mine.__match_args__ == Theirs.__match_args__


def test_the_signature_tells_the_parameters():
    mine, theirs = inspect.signature(Mine).parameters, inspect.signature(Theirs).parameters
    assert [*mine] == [*theirs]
    assert [p.kind for p in mine.values()] == [p.kind for p in theirs.values()]
    assert mine["second"].default == "two"
    assert mine["first"].default is inspect.Parameter.empty
