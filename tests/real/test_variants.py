"""Other things taken in a real store, over its own noise, are billed or asked about."""

import os
from pathlib import Path

import numpy as np
import pytest

from sensors.wire import WeightBatch, decode
from service.autocheckout import STORE_ID
from service.realism import RealDataError
from service.variants import KINDS, draw, entries_of, read_tape
from service.variants_score import bill_variant, measure_variants

DATA = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    not DATA, reason="OPENAISLE_REAL_DATA does not name a folder with the real recordings"
)


@pytest.fixture(scope="module")
def tape():
    return read_tape(Path(DATA))


def level_g(entries, shelf, plate, part):
    rows = [
        sample[plate - 1]
        for one in entries
        if one.topic.endswith(f"/weight/{shelf}")
        and isinstance(batch := decode(one.topic, one.body, STORE_ID), WeightBatch)
        for sample in batch.grams
    ]
    return float(np.median(rows[part]))


def test_the_one_lift_of_the_recording_is_found(tape):
    assert (tape.shelf.id, tape.plate, tape.hand) == ("g1s5", 11, "right")
    assert np.median(tape.wave[-15:], axis=0).sum() == pytest.approx(-1)


@pytest.mark.parametrize("number", [KINDS.index("two units"), KINDS.index("put back")])
def test_what_is_laid_weighs_what_it_should(tape, number):
    variant = draw(tape, number, seed=3)
    entries = entries_of(tape, variant, seed=3)
    assert [one.received_ns for one in entries] == sorted(one.received_ns for one in entries)
    before, after = (
        level_g(entries, variant.shelf.id, variant.plate, part)
        for part in (slice(0, 60), slice(-60, None))
    )
    left_g = 0.0 if variant.back else variant.weight_g
    assert before - after == pytest.approx(left_g, abs=12 + 0.05 * left_g)


def test_one_variant_of_each_kind_is_not_charged_wrongly(tape):
    found = [bill_variant(tape, number, seed=2) for number in range(len(KINDS))]
    assert {one["kind"] for one in found} == set(KINDS)
    assert sum(one["outcome"] == "wrong" for one in found) == 0
    assert sum(one["outcome"] == "exact" for one in found) >= 4
    assert found[0] == bill_variant(tape, 0, seed=2)


def test_counts_have_intervals_and_a_missing_recording_is_named(tmp_path):
    result = measure_variants(Path(DATA), 7, 1, 1, lambda _: None)
    assert len(result["variants"]) == 7 == result["all"]["variants"]
    low, high = result["all"]["intervals"]["exact"]
    assert 0 <= low <= result["all"]["exact"] / 7 <= high <= 1
    with pytest.raises(RealDataError, match="cannot be read"):
        read_tape(tmp_path)
