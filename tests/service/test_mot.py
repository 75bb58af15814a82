"""MOT-style folders: reading, what is wrong with them, tracking them, the bench's crowd."""

from pathlib import Path

import numpy as np
import pytest

from service.bench_tracking import OURS, bench_tracking, crowd
from service.mot_eval import first_evaluated_frame
from service.mot_files import MotFileError, read_boxes, read_sequence, write_results
from service.mot_quality import sequences_under
from service.mot_sort import Sort
from service.mot_track import fill_gaps, track_sequence

INI = "[Sequence]\nname=aisle\nframeRate=25\nseqLength=20\nimWidth=640\nimHeight=480\n"
CAMERA = """RotationMatrices
0.0 -1.0 0.0
-0.2 0.0 -0.98
0.98 0.0 -0.2

TranslationVectors
0 1800 4000

IntrinsicMatrix
600 0 320
0 600 240
0 0 1
"""


def folder_of(path: Path, det: str | None = None, ini: str | None = INI) -> Path:
    walk = "".join(f"{i},-1,{100 + 4 * i},200,40,100,0.9,-1,-1,-1\n" for i in range(20, 0, -1))
    if ini is not None:
        (path / "seqinfo.ini").write_text(ini)
    (path / "det.txt").write_text(walk if det is None else det)
    return path


def test_a_folder_is_read_and_tracked(tmp_path: Path) -> None:
    (tmp_path / "cam_para.txt").write_text(CAMERA)
    sequence = read_sequence(folder_of(tmp_path))
    assert (sequence.name, sequence.frame_rate_hz, sequence.frames) == ("aisle", 25.0, 20)
    assert [frame for frame, _ in sequence.by_frame()] == list(range(1, 21))
    assert sequence.detections[:, 0].tolist() == list(range(1, 21))
    assert sequence.ground is not None
    for use_ground in (False, True):
        rows = track_sequence(sequence, use_ground=use_ground)
        assert set(rows[:, 1]) == {1.0}
        assert len(rows) == 20
    out = tmp_path / "out.txt"
    write_results(out, rows.tolist())
    np.testing.assert_allclose(read_boxes(out, 20), rows, atol=0.006)


@pytest.mark.parametrize(
    ("det", "complaint"),
    [
        ("1,-1,1,2,3,4,0.5\n1,-1,1,nan,3,4,0.5\n", r"det\.txt, line 2: .*not finite"),
        ("1,-1,1,2,3,4,0.5\n\nx,-1,1,2,3,4,1\n", r"det\.txt, line 3: .*'x'"),
        ("21,-1,1,2,3,4,0.5\n", r"det\.txt, line 1: frame 21 .*1 to 20"),
        ("0,-1,1,2,3,4,0.5\n", r"det\.txt, line 1: frame 0"),
        ("1,-1,1,2,3\n", r"det\.txt, line 1: 5 columns; expected at least 7"),
        ("1,-1,1,2,0,4,0.5\n", r"det\.txt, line 1: a box of 0 × 4 px"),
    ],
)
def test_bad_detections_name_the_line(tmp_path: Path, det: str, complaint: str) -> None:
    with pytest.raises(MotFileError, match=complaint):
        read_sequence(folder_of(tmp_path, det))


@pytest.mark.parametrize(
    ("ini", "complaint"),
    [
        (None, r"seqinfo\.ini: is missing"),
        (INI.replace("frameRate=25\n", ""), r"seqinfo\.ini: frameRate is missing"),
        (INI.replace("=25", "=fast"), r"frameRate = 'fast' is not a number"),
        (INI.replace("=25", "=0"), r"frameRate = 0 cannot be"),
        (INI.replace("=20", "=2.5"), r"seqLength = 2\.5 cannot be"),
        ("name=aisle\n", r"seqinfo\.ini: "),
        (INI.replace("[Sequence]", "[Other]"), r"section \[Sequence\] is missing"),
    ],
)
def test_bad_facts_name_the_key(tmp_path: Path, ini: str | None, complaint: str) -> None:
    with pytest.raises(MotFileError, match=complaint):
        read_sequence(folder_of(tmp_path, ini=ini))


@pytest.mark.parametrize(
    ("camera", "complaint"),
    [
        (CAMERA.replace("1800", "high"), r"cam_para\.txt, line 7: "),
        (CAMERA.replace("0 1800 4000", "0 1800"), r"line 7: expected three numbers"),
        (CAMERA.replace("TranslationVectors\n0 1800 4000\n", ""), "under TranslationVectors"),
        (CAMERA.replace("600", "0"), "edge-on"),
    ],
)
def test_bad_calibration_is_told(tmp_path: Path, camera: str, complaint: str) -> None:
    (tmp_path / "cam_para.txt").write_text(camera)
    with pytest.raises(MotFileError, match=complaint):
        read_sequence(folder_of(tmp_path))


def test_missing_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(MotFileError, match="is not a folder"):
        read_sequence(tmp_path / "nowhere")
    with pytest.raises(MotFileError, match=r"det\.txt: is missing"):
        (tmp_path / "seqinfo.ini").write_text(INI)
        read_sequence(tmp_path)
    with pytest.raises(MotFileError, match=r"holds no folder with det\.txt and gt\.txt"):
        sequences_under(tmp_path)


def test_only_the_second_half_of_mot17_counts(tmp_path: Path) -> None:
    for name, first in (("MOT17-02", 12), ("MOT15-Venice", 1)):
        (tmp_path / name).mkdir()
        assert first_evaluated_frame(read_sequence(folder_of(tmp_path / name))) == first


def test_gaps_are_filled_by_lines_and_long_ones_are_not() -> None:
    rows = np.array(
        [[f, 7.0, 10.0 * f, 0, 40, 100, 0.9] for f in (1, 2, 3, 6, 40)], dtype=np.float64
    )
    filled = fill_gaps(rows, 25.0)
    assert filled[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 40]
    np.testing.assert_allclose(filled[3:5, 2], [40, 50])


def test_sort_follows_a_walker() -> None:
    tracker = Sort()
    for i in range(10):
        found = tracker.step(np.array([[100.0 + 4 * i, 200, 40, 100, 0.9]]))
    assert found[:, 0].tolist() == [1.0]
    np.testing.assert_allclose(found[0, 1:5], [136, 200, 40, 100], atol=3)


def test_bench_times_everybody_on_one_crowd(tmp_path: Path) -> None:
    told: list[str] = []
    result = bench_tracking((6,), 60, 1, told.append)
    paces = {pace.tracker: pace for pace in result.paces}
    assert {OURS, "SORT with filterpy, max age 30"} <= set(paces)
    assert not set(paces) & set(result.missing)
    others = [pace.ms_per_frame for name, pace in paces.items() if name != OURS]
    assert result.times_faster[6] == pytest.approx(min(others) / paces[OURS].ms_per_frame, rel=0.05)
    assert told
    for count in (20, 50):
        sequence = crowd(tmp_path / str(count), count, 60, seed=count)
        assert len(sequence.detections) / 60 == pytest.approx(count, rel=0.12)
