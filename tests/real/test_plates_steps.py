"""Steps laid over the noise of real plates are found; needs the folder of real data.

A short run of what `openaisle steps eval` does at length; docs/weight.md has its figures.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from service.steps_eval import aims, evaluate
from service.steps_noise import play, shelf_noise

FOLDER = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder with the real recordings"
)


def test_steps_over_real_noise_are_found_at_about_the_promised_rates():
    busy, idle = evaluate(Path(str(FOLDER)), "second", [101], 40.0, jobs=1)
    measured = {aim.what: aim.value for aim in aims(busy, idle)}
    large = [one for one in busy.judged if one.grams >= 20]
    assert len(large) > 1_500
    assert np.mean([one.found for one in large]) > 0.98, measured
    assert idle.false <= 2 and idle.plate_hours >= 40, measured
    assert busy.false / busy.plate_hours < 2.5, measured
    assert busy.apart > 0.9 * busy.pairs > 100, measured


def test_played_noise_is_that_of_the_recording_and_has_no_jumps():
    noise = shelf_noise(Path(str(FOLDER)), "first")
    assert len(noise) == 23 and sum(part.shape[1] for part in noise.values()) == 240
    for part in noise.values():
        played = play(part, 200_000, np.random.default_rng(1))
        assert played.std() == pytest.approx(part.std(), rel=0.2)
        assert np.abs(np.diff(played, axis=0)).max() <= np.abs(np.diff(part, axis=0)).max()
