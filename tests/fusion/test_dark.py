"""Whoever reaches into a shelf that does not weigh is asked about."""

from pathlib import Path

from fusion.dark import LEAST, PAUSE_NS, Dark
from sensors.observations import HandPoint
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
GONDOLA = STORE.gondolas[1]
SHELF = GONDOLA.shelves[0]
STEP_NS = 100_000_000


def hand(at_ns, *, along_m=0.5, inwards_m=0.1, up_m=0.1, occluded=False, tracklet="t1"):
    x, y = GONDOLA.to_floor(along_m, inwards_m)
    return HandPoint(
        at_ns=at_ns, tracklet=tracklet, side="right", x_m=x, y_m=y, z_m=SHELF.z_m + up_m,
        sigma_m=0.05, views=2, occluded=occluded,
    )  # fmt: skip


def found(down=(SHELF.id,), pictures=LEAST, step_ns=STEP_NS, **how):
    dark = Dark(STORE)
    dark.now(down)
    return [name for n in range(pictures) for name in dark.hand(hand(n * step_ns, **how))]


def test_a_hand_in_a_shelf_that_is_down_is_told_once():
    assert found() == [SHELF.id]
    assert found(pictures=3 * LEAST) == [SHELF.id]


def test_what_is_no_reach_into_it_is_not_told():
    assert found(down=()) == []
    assert found(down=("cam1", "g1s1")) == []
    assert found(pictures=LEAST - 1) == []
    assert found(step_ns=PAUSE_NS + 1) == []
    assert found(inwards_m=-0.4) == []
    assert found(along_m=-0.3) == []
    assert found(up_m=0.8) == []
    assert found(occluded=True) == []
