"""A day, a big store and latency: what is timed is what the engine would hear."""

from dataclasses import replace
from pathlib import Path

import pytest

from cart.events import Entered, Exited
from fusion.engine import Engine
from sensors.observations import CodeScanned, ExitReads, TrackPoint
from sensors.store import load_store
from service.bench_big_store import bench_big_store, crowd, repeated
from service.bench_day import moved, through_the_day
from service.bench_latency import latencies
from service.heard import decide, hear
from service.simulate import simulate, stage

DATASETS = Path(__file__).parents[2] / "datasets"
MARKET = load_store(DATASETS / "stores" / "market.yaml")


@pytest.fixture(scope="module")
def staged():
    return stage(DATASETS / "scenes" / "one-shopper.yaml")


def test_a_run_that_is_moved_to_another_time_is_decided_alike(staged):
    heard = hear(staged, 1)
    later = [moved(one, 3_600_000_000_000, "d1-") for one in heard.observations]
    bills, others = (
        [(e.at_ns, e.shopper, e.lines) for e in decide(one) if isinstance(e, Exited)]
        for one in (heard, replace(heard, observations=later))
    )
    assert bills
    assert others == [(at + 3_600_000_000_000, f"d1-{who}", lines) for at, who, lines in bills]


def test_what_is_moved_keeps_what_it_says():
    reads = ExitReads(
        at_ns=5, gate="g", crossed_ns=3, began_ns=1, reads=(("x", 2),), tracklets=(("t1", 0.5),)
    )
    later = moved(reads, 10, "n-")
    assert (later.at_ns, later.crossed_ns, later.began_ns) == (15, 13, 11)
    assert later.tracklets == (("n-t1", 0.5),) and later.reads == reads.reads
    assert moved(CodeScanned(at_ns=1, gate="g", shopper="a"), 1, "n-").shopper == "n-a"


def test_a_day_tells_its_visits_speed_and_memory_by_the_hour(staged):
    day = through_the_day([hear(staged, 1), hear(staged, 2)], 2.0)
    assert day.hours >= 2 and day.visits > 20
    assert [one.hour for one in day.memory] == [1, 2]
    assert day.times_real_time > 50
    grown = day.memory[1].state_bytes - day.memory[0].state_bytes
    newcomers = day.memory[1].visits - day.memory[0].visits
    assert grown < 4000 * newcomers, "what concerns visits that are over is not let go"


def test_the_big_store_has_its_shelves_and_everybody_is_in_and_seen():
    big = repeated(MARKET, 100)
    assert sum(len(gondola.shelves) for gondola in big.gondolas) == 100
    assert len({shelf.id for gondola in big.gondolas for shelf in gondola.shelves}) == 100
    engine, parts = Engine(big), list(crowd(big, 4, 1.0, seed=1))
    events = [event for one in parts[0] for event in engine.step(one)]
    assert sum(isinstance(event, Entered) for event in events) == 4
    assert all(sum(isinstance(one, TrackPoint) for one in part) == 4 for part in parts[1:])
    found = bench_big_store(MARKET, 4, 60, 15.0, seed=1)
    assert found.picks > 0 and found.load > 0


def test_latency_counts_from_settling_from_the_pick_and_from_the_gate(staged):
    found = latencies(staged, simulate(staged, 1))
    assert found["receipt"] and len(found["provisional"]) == len(found["final"]) > 0
    assert all(0 <= one < 2 for one in found["provisional"])
    assert max(found["final"]) >= max(found["provisional"])
    assert all(2 <= one < 5 for one in found["receipt"])
