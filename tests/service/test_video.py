"""Videos of recordings: what was filmed is seen again, from any moment, also when cut off."""

import numpy as np
import pytest

from service.video import KEY_EVERY_NS, VideoError, VideoWriter, read_video

START_NS = 1_767_600_000_000_000_000
STEP_NS = 100_000_000
FRAMES = 60


def picture(number: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A picture whose brightness, left and right, says its number."""
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[:, :32] = 20 + 30 * (number % 8)
    rgb[:, 32:] = 20 + 30 * (number // 8)
    noise = np.random.default_rng(number).integers(0, 25, rgb.shape)  # as cameras have
    return rgb + noise.astype(np.uint8)


def number_of(rgb: np.ndarray) -> int:
    left, right = rgb[:, 4:28].mean(), rgb[:, 36:60].mean()
    return round((left - 32) / 30) + 8 * round((right - 32) / 30)


@pytest.fixture
def filmed(tmp_path):
    path = tmp_path / "r.cam1.mp4"
    return path, film(path)


def film(path, size=(48, 64)):
    writer = VideoWriter(path, size[1], size[0], 10.0)
    times = [START_NS + n * STEP_NS + (7_000 if n > 20 else 0) for n in range(FRAMES)]
    index = [writer.add(at_ns, picture(n, size)) for n, at_ns in enumerate(times)]
    writer.close()
    assert [one.at_ns for one in index] == times
    return index


def test_every_picture_comes_back_at_its_time(filmed):
    path, index = filmed
    seen = list(read_video(path, index))
    assert [one for one, _ in seen] == index
    assert [number_of(rgb) for _, rgb in seen] == list(range(FRAMES))
    assert seen[0][1].shape == (48, 64, 3)


@pytest.mark.parametrize("first", [1, 19, 20, 21, 45, 59])
def test_reading_begins_at_any_moment(filmed, first):
    path, index = filmed
    seen = list(read_video(path, index, index[first].at_ns - 5))
    assert [one for one, _ in seen] == index[first:]
    assert [number_of(rgb) for _, rgb in seen] == list(range(first, FRAMES))
    assert list(read_video(path, index, index[-1].at_ns + 1)) == []


def test_the_same_pictures_give_the_same_bytes(filmed, tmp_path):
    film(tmp_path / "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == filmed[0].read_bytes()


def test_a_video_that_was_cut_off_is_read_to_its_end(filmed, capsys):
    path, index = filmed
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    seen = list(read_video(path, index))
    assert [number_of(rgb) for _, rgb in seen] == list(range(len(seen)))
    fragment = KEY_EVERY_NS // STEP_NS
    assert fragment <= len(seen) < FRAMES
    told = capsys.readouterr().out
    assert f"missing={FRAMES - len(seen)}" in told
    assert str(path) in told


def test_odd_sizes_and_files_that_are_no_videos(tmp_path):
    path = tmp_path / "odd.mp4"
    index = film(path, (49, 65))
    assert [number_of(rgb) for _, rgb in read_video(path, index, index[57].at_ns)] == [57, 58, 59]
    path.write_bytes(b"no video")
    for bad in (path, tmp_path / "none.mp4"):
        with pytest.raises(VideoError, match=f"{bad.name}: cannot be read as a video"):
            list(read_video(bad, index))
    with pytest.raises(VideoError, match="cannot be written"):
        VideoWriter(tmp_path / "no" / "folder.mp4", 64, 48, 10.0)
