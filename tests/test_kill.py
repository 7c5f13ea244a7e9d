"""Batches that are killed lose nothing, and can be carried on."""

from __future__ import annotations

import sys

import pytest
from kill import Battle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.exhaustive
@pytest.mark.parametrize("named", [False, True])
def test_a_batch_that_is_killed_is_carried_on(named, tmp_path):
    battle = Battle(tmp_path, 36, named=named, seed=3)
    assert battle.run(6) >= 1
