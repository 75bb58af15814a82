"""Entry codes as a gate's camera sees them."""

import io

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from sensors.codes import CodeIssuer
from vision.codes import SHOWING_GAP_S, CodeReader, Showings, read_code

TEXT = "OA1.kq3Zx8-visit-0042.9f3cQ2"
NS = 1_000_000_000
ISSUER = CodeIssuer.from_seed(b"s" * 32, "corner")


def picture_of(text: str, module_px: int) -> NDArray[np.uint8]:
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=module_px, border=4)
    code = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    canvas = np.full((480, 640), 90, dtype=np.uint8)
    top, left = (480 - code.shape[0]) // 2, (640 - code.shape[1]) // 2
    canvas[top : top + code.shape[0], left : left + code.shape[1]] = code
    return canvas


@pytest.mark.parametrize("module_px", [3, 5, 8])
def test_reads_grey_and_colour(module_px: int) -> None:
    grey = picture_of(TEXT, module_px)
    assert read_code(grey) == TEXT
    assert read_code(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)) == TEXT


def test_reads_tilted_noisy_dim_codes() -> None:
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(10):
        grey = picture_of(TEXT, 6)
        corners = np.float32([[0, 0], [639, 0], [639, 479], [0, 479]])
        moved = corners + rng.uniform(-35, 35, (4, 2)).astype(np.float32)
        tilted = cv2.warpPerspective(
            grey, cv2.getPerspectiveTransform(corners, moved), (640, 480), borderValue=90
        )
        light = np.linspace(0.35, 0.9, 640)[None, :]
        noisy = tilted * light + rng.normal(0, 10, tilted.shape)
        read += read_code(np.clip(noisy, 0, 255).astype(np.uint8)) == TEXT
    assert read >= 9


def test_no_code_is_none() -> None:
    rng = np.random.default_rng(1)
    assert read_code(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)) is None
    assert read_code(np.zeros((48, 64), dtype=np.uint8)) is None


def held_up(
    text: str,
    rng: np.random.Generator,
    share: float = 0.6,
    blur_px: float = 1.0,
    noise: float = 6.0,
    tilt: float = 0.12,
) -> NDArray[np.uint8]:
    """A telephone with a code in any pose before a gate's camera, grey (480, 640).

    The code's side is `share` of the picture's height, its corners are off by up to `tilt` of it;
    light falls off to one side, behind it is something unsharp.
    """
    size = (480, 640)
    code = segno.make_qr(text, error="l", boost_error=False)
    modules = np.array([[255 * (not dark) for dark in row] for row in code.matrix], np.uint8)
    drawn = np.kron(np.pad(modules, 4, constant_values=255), np.ones((8, 8), np.uint8))
    edge, side, turn = drawn.shape[0], share * size[0], rng.uniform(0, 2 * np.pi)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * side
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = square @ rotation.T + rng.uniform(-tilt, tilt, (4, 2)) * side + (320, 240)
    flat = np.float32([[0, 0], [edge, 0], [edge, edge], [0, edge]])
    warp = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    code_px = cv2.warpPerspective(drawn, warp, size[::-1])
    there = cv2.warpPerspective(np.full_like(drawn, 255), warp, size[::-1]) / 255
    behind = cv2.GaussianBlur(rng.integers(0, 255, size).astype(np.float64), (0, 0), 12)
    seen = cv2.GaussianBlur(behind * (1 - there) + code_px * there, (0, 0), blur_px)
    lit = seen * np.linspace(0.4, 0.9, size[1]) + rng.normal(0, noise, size)
    return np.clip(lit, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "pose",
    [{}, {"share": 0.45}, {"share": 0.7}, {"blur_px": 1.5}, {"noise": 15.0}, {"tilt": 0.2}],
    ids=lambda pose: ",".join(pose) or "usual",
)
def test_an_entry_code_that_is_held_up_is_read_in_any_pose(pose):
    rng = np.random.default_rng(1)
    for number in range(4):
        token = ISSUER.issue("ada", 1_767_600_000 * NS, f"{number:032x}")
        reader, read = CodeReader(), set()
        for _ in range(15):  # three seconds of them
            read.add(reader.look(held_up(token, rng, **pose)))
            if token in read:
                break
        assert read - {None} == {token}


def test_a_reader_finds_no_code_where_there_is_none():
    rng = np.random.default_rng(1)
    reader = CodeReader()
    for _ in range(10):
        behind = cv2.GaussianBlur(rng.integers(0, 255, (240, 320)).astype(np.float64), (0, 0), 9)
        assert reader.look(behind.astype(np.uint8)) is None


def test_a_code_that_is_no_text_is_passed_over():
    out = io.BytesIO()
    segno.make_qr(bytes([0xFF, 0xFE, 0x80] * 20)).save(out, kind="png", scale=6, border=4)
    picture = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert isinstance(read_code(picture), str | None)
    assert isinstance(CodeReader().look(picture), str | None)


def test_a_showing_lasts_until_the_code_is_gone_for_a_while():
    showings = Showings()
    gap_ns = round(SHOWING_GAP_S * NS)
    told = [
        showings.begins(at_ns, text)
        for at_ns, text in [
            (0, "a"),
            (gap_ns, "a"),
            (gap_ns + 1, "b"),
            (2 * gap_ns, "a"),
            (2 * gap_ns + 1, "b"),
            (3 * gap_ns + 1, "b"),
            (3 * gap_ns + 2, "a"),
        ]
    ]
    assert told == [True, False, True, False, False, False, True]
