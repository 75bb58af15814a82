"""Streams: video files, folders, damaged files, errors that name the place and no password."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vision.live_source import LiveSource, SourceRules
from vision.stream import (
    Address,
    AvStream,
    FolderStream,
    Login,
    StreamError,
    usb_options,
    without_login,
)

RNG = np.random.default_rng(1)
OFFLINE = SourceRules(real_time=False, start_ns=1_000_000_000)


def write_video(path: Path, count: int = 20, size=(64, 48), *, texture: bool = False) -> Path:
    """Ever brighter pictures with a growing square; with `texture` moving noise instead."""
    blocks = RNG.integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    noise = blocks.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = 5
        for n in range(count):
            picture = np.full((size[1], size[0], 3), 10 * n % 250, dtype=np.uint8)
            picture[: n + 1, : n + 1] = 255
            if texture:
                picture = np.ascontiguousarray(np.roll(noise, 3 * n, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def play(address: Address, rules: SourceRules = OFFLINE):
    source = LiveSource("cam1", lambda: AvStream(address), rules)
    return source, list(source.frames())


def test_a_video_file_gives_all_of_its_frames_in_their_time(tmp_path):
    file = write_video(tmp_path / "a.mp4")
    source, frames = play(Address(str(file), recorded=True))
    assert len(frames) == 20
    assert [f.at_ns // 1_000_000 for f in frames] == [1000 + 100 * n for n in range(20)]
    assert frames[7].rgb.shape == (48, 64, 3)
    assert abs(int(frames[7].rgb[40, 60].mean()) - 70) < 6
    assert source.status.facts is not None
    assert (source.status.facts.codec, source.status.facts.fps) == ("h264", 10.0)


def test_a_gif_is_a_video(tmp_path):
    with av.open(str(tmp_path / "a.gif"), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for n in range(5):
            picture = np.full((48, 64, 3), 50 * n, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="rgb8")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _, frames = play(Address(str(tmp_path / "a.gif"), recorded=True))
    assert len(frames) == 5


def test_a_damaged_video_loses_frames_and_not_the_camera(tmp_path):
    file = write_video(tmp_path / "a.ts", 60, (320, 240), texture=True)
    body = bytearray(file.read_bytes())
    for at in range(len(body) // 2, len(body) // 2 + len(body) // 15):
        if at % 188 > 20 and at % 7 == 0:  # leave the transport's headers alone
            body[at] ^= 0x5A
    file.write_bytes(body)
    source, frames = play(Address(str(file), recorded=True))
    assert source.status.counts.broken >= 1
    assert 30 <= len(frames) < 60
    assert source.status.reason == "the recording has ended"


def test_a_folder_of_pictures_is_played_by_the_numbers_in_their_names(tmp_path):
    for n in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"frame{n}.png"), np.full((48, 64, 3), 20 * n, np.uint8))
    (tmp_path / "frame3.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not one either")
    source = LiveSource("cam1", lambda: FolderStream(tmp_path, 5.0), OFFLINE)
    frames = list(source.frames())
    assert [int(f.rgb[0, 0, 0]) for f in frames] == [20, 40, 200]
    assert [f.at_ns // 1_000_000 for f in frames] == [1000, 1200, 1600]
    assert source.status.counts.broken == 1


@pytest.mark.parametrize("content", [None, b"", b"x"])
def test_a_folder_without_pictures_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(StreamError, match=str(tmp_path)):
        FolderStream(tmp_path, 5.0).open()
    with pytest.raises(StreamError, match="No such file"):
        FolderStream(tmp_path / "none", 5.0).open()


@pytest.mark.parametrize(
    ("url", "container", "expected"),
    [
        ("/nowhere/a.mp4", None, "no such file or device"),
        ("/dev/video213", "v4l2", "no such file or device"),
        ("rtsp://127.0.0.1:9/cam", None, "nothing listens there"),
        ("rtsp://no-such-host.invalid/cam", None, ""),
    ],
)
def test_what_cannot_be_opened_is_said_without_a_password(url, container, expected):
    address = Address(url, Login("ada", "hunt/er:2@"), container)
    with pytest.raises(StreamError) as raised:
        AvStream(address).open()
    text = str(raised.value)
    assert text.startswith(f"{url}: ")
    assert expected in text
    for chained in (raised.value, raised.value.__cause__, address):
        assert "hunt" not in repr(chained)
    assert raised.value.__suppress_context__


def test_a_login_is_quoted_and_taken_out_again():
    full = Address("rtsp://10.0.0.7:554/1", Login("a@b", "p:/?#%")).full()
    assert full == "rtsp://a%40b:p%3A%2F%3F%23%25@10.0.0.7:554/1"
    assert without_login(f"x {full}: refused") == "x rtsp://10.0.0.7:554/1: refused"


def test_a_usb_camera_is_asked_for_its_calibrated_size():
    assert usb_options((640, 480), 10.0) == {"video_size": "640x480", "framerate": "10"}
    assert usb_options(None, None) == {}


def test_a_device_goes_the_same_way_as_a_file(tmp_path):
    """FFmpeg's own test device stands in for a USB camera: opened by a format's name, endless."""
    address = Address("testsrc=size=160x120:rate=50", None, "lavfi")
    source = LiveSource("usb", lambda: AvStream(address), SourceRules(late_after_s=60.0))
    frames = source.frames()
    shapes = {next(frames).rgb.shape for _ in range(10)}
    source.close()
    assert shapes == {(120, 160, 3)}
    assert list(frames) == []
