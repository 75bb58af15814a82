"""Simulated plates are like real ones; needs the folder of real data (OPENAISLE_REAL_DATA)."""

import os
from pathlib import Path

import numpy as np
import pytest

from service.realism_plates import compare_plates
from service.realism_plates_quoted import quoted_of_plates

FOLDER = os.environ.get("OPENAISLE_REAL_DATA")


@pytest.mark.skipif(not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder")
def test_simulated_plates_are_like_real_ones():
    found = compare_plates(Path(str(FOLDER)))
    assert [one.what for one in found if not one.passed] == []
    noise, drift, lag1, day = found
    assert noise.real[1] == pytest.approx(0.9, abs=0.1)  # the data's own README: 0.5 to 1.8 g
    assert noise.counts == (240, 1440) and drift.counts == noise.counts == lag1.counts
    assert 15 < day.real[1] < 20
    assert np.isfinite([*noise.real, *noise.simulated, *lag1.real, *lag1.simulated]).all()


@pytest.mark.skipif(not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder")
def test_what_the_design_quotes_of_plates_is_what_was_recorded():
    quoted = {one.what: one for one in quoted_of_plates(Path(str(FOLDER)))}
    assert quoted["plates: standard deviation"].holds
    assert quoted["plates: drift of a day"].holds
    assert "-623 g" in quoted["plates: what neighbours feel of a step"].found
