"""One camera's tracker on real pedestrians; needs the folder of real data (OPENAISLE_REAL_DATA)."""

import os
from pathlib import Path

import numpy as np
import pytest

from service.mot_eval import combine, evaluate, first_evaluated_frame
from service.mot_files import read_boxes, read_sequence
from service.mot_track import track_sequence

FOLDER = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder")


def test_hota_on_a_real_sequence() -> None:
    pytest.importorskip("trackeval", reason="TrackEval is not installed (extra 'bench')")
    sequence = read_sequence(Path(str(FOLDER)) / "tracking/MOT17-13-SDP")
    rows = track_sequence(sequence)
    score = combine([evaluate(sequence, rows.tolist(), first_evaluated_frame(sequence))])
    assert score.hota > 66  # 68.2 measured; BoT-SORT on the same boxes 63.4
    assert score.idf1 > 84


def test_most_people_of_a_real_sequence_are_followed() -> None:
    folder = Path(str(FOLDER)) / "tracking/MOT15-TUD-Campus"
    sequence = read_sequence(folder)
    rows, truth = track_sequence(sequence), read_boxes(folder / "gt.txt", sequence.frames)
    best: dict[float, dict[float, int]] = {}
    for frame in range(1, sequence.frames + 1):
        own, true = rows[rows[:, 0] == frame], truth[truth[:, 0] == frame]
        low = np.maximum(own[:, None, 2:4], true[None, :, 2:4])
        high = np.minimum((own[:, 2:4] + own[:, 4:6])[:, None], (true[:, 2:4] + true[:, 4:6])[None])
        both = np.clip(high - low, 0, None).prod(axis=2)
        union = own[:, 4:6].prod(axis=1)[:, None] + true[:, 4:6].prod(axis=1)[None] - both
        for i, j in zip(*np.nonzero(both / union >= 0.5), strict=True):
            counts = best.setdefault(float(true[j, 1]), {})
            counts[float(own[i, 1])] = counts.get(float(own[i, 1]), 0) + 1
    followed = sum(max(counts.values()) for counts in best.values())
    assert followed / len(truth) > 0.6  # boxes that their person's commonest track covers
