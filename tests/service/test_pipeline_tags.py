"""Tags on the bus become presences before shelves and reads at the exit, and decide nothing yet."""

import pickle
from collections.abc import Sequence

import pytest

from cart.events import Event
from sensors.observations import ExitReads, Observation, TagPresence
from service.pipeline import Pipeline
from service.records import Entry
from service.simulate import simulate, stage

SCENE = """
name: tags
store: corner
world: sure
shoppers:
- {name: ada, enters_at_s: 0.5, script: [
  dwell: 20, pick: Shampoo, pick: Toothpaste, pick: Energy drink, dwell: 60]}
"""
SURE = """
id: sure
wrong_facings: 0.0
rfid: {missing_share: 0.0, ghosts_per_s: 0.0, silent_s: 0.001, shadow_reads: 1.0,
  gate_reads_per_s: 40}
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A scene in which tags are read surely; what is taken is carried out of the field."""
    folder = tmp_path_factory.mktemp("tags")
    (folder / "tags.yaml").write_text(SCENE)
    (folder / "sure.yaml").write_text(SURE)
    staged = stage(folder / "tags.yaml")
    return staged.store, simulate(staged, 1)


def feed(pipeline: Pipeline, entries: Sequence[Entry]) -> tuple[list[Observation], list[Event]]:
    heard: list[Observation] = []
    pipeline.listen(heard.append)
    events = [event for entry in entries for event in pipeline.feed(entry)]
    return [one for one in heard if isinstance(one, TagPresence | ExitReads)], events


def test_what_is_taken_leaves_its_shelf_and_is_read_at_the_exit(played):
    store, run = played
    told, _ = feed(Pipeline(store, run.code_key), run.entries)
    names = {p.gtin: p.name for p in store.products}
    tagged = sum(
        facing.units
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
        if next(p for p in store.products if p.gtin == facing.gtin).tagged
    )
    presences = [one for one in told if isinstance(one, TagPresence)]
    came = {one.epc for one in presences if one.present}
    assert abs(len(came) - tagged) <= 6  # stock differs from belief by one here and there
    last = {one.epc: one for one in presences}  # one in a hand may come back for a moment
    gone = [one for one in last.values() if not one.present]
    assert sorted(names[one.gtin or ""] for one in gone) == ["Shampoo", "Toothpaste"]
    assert {one.antenna for one in presences} == {"rfid-g3"}
    (found,) = [one for one in told if isinstance(one, ExitReads)]
    assert [epc for epc, _ in found.reads] == sorted(one.epc for one in gone)
    assert all(count > 1 for _, count in found.reads)
    assert len(found.tracklets) == 1
    assert abs(found.crossed_ns - run.truth.visits[0].left_ns) < 2e9
    assert all(one.since_ns < one.at_ns < found.crossed_ns for one in gone)


def test_a_snapshot_in_the_middle_changes_nothing_of_it(played):
    store, run = played
    pipeline = Pipeline(store, run.code_key)
    middle = len(run.entries) // 2
    before, events = feed(pipeline, run.entries[:middle])
    after, more = feed(pickle.loads(pickle.dumps(pipeline)), run.entries[middle:])
    assert (before + after, events + more) == feed(Pipeline(store, run.code_key), run.entries)


def test_presence_before_shelves_decides_nothing_yet(played, monkeypatch):
    store, run = played
    _, events = feed(Pipeline(store, run.code_key), run.entries)
    assert events
    deaf = Pipeline(store, run.code_key)
    monkeypatch.setattr(deaf._presences, "feed", lambda *_: [])
    assert feed(deaf, run.entries)[1] == events
