"""A printed board seen through a known lens gives that lens back, and a place on the floor."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.camera import CameraModel
from vision.board import Board, BoardView
from vision.lens_fit import LensFit, LensFitError, fit_lens
from vision.pose_fit import Mark, fit_pose

Frame = NDArray[np.uint8]
BOARD = Board(9, 6, 0.06)
LENS = CameraModel(
    "cam1", 640, 480, 402.0, 398.0, 326.0, 234.0, np.eye(3), np.zeros(3), -0.22, 0.05
)


@cache
def ahead(camera: CameraModel) -> NDArray[np.float64]:
    """Directions of quarter pixels in the camera's frame."""
    v, u = np.mgrid[0 : 2 * camera.height_px, 0 : 2 * camera.width_px] / 2.0 - 0.25
    flat = camera.flat(np.column_stack([u.ravel(), v.ravel()]))
    return np.column_stack([flat, np.ones(len(flat))])


def picture(
    camera: CameraModel, board: Board, corner_m: NDArray[np.float64], axes: NDArray[np.float64]
) -> Frame:
    """What `camera` sees of a board whose upper left corner is at `corner_m` (3,) and whose right
    and down directions are `axes` (2, 3): every pixel's ray meets the board's plane."""
    fine = 4
    art = np.where(board.modules(), 25, 235).astype(np.uint8)
    art = np.pad(np.kron(art, np.ones((fine, fine), np.uint8)), 10 * fine, constant_values=235)
    rays = ahead(camera) @ camera.rotation
    normal = np.cross(axes[0], axes[1])
    reach = ((corner_m - camera.position_m) @ normal) / (rays @ normal)
    on_board = (camera.position_m + reach[:, None] * rays - corner_m) @ axes.T
    on_board[reach <= 0] = -1e3
    per_m = 10 * fine / board.square_m
    where = (
        (on_board * per_m + 10 * fine - 0.5)
        .astype(np.float32)
        .reshape(2 * camera.height_px, 2 * camera.width_px, 2)
    )
    big = cv2.remap(art, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderValue=150)
    grey = cv2.resize(big, (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 2, grey.shape)
    return np.repeat(np.clip(grey + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def held(pan_deg: float, tilt_deg: float, x_m: float, y_m: float, z_m: float) -> Frame:
    """The board held before the camera with its middle at x, y (right, down), z ahead."""
    turn = cv2.Rodrigues(np.radians([tilt_deg, pan_deg, 5.0]))[0]
    axes = np.asarray(turn, dtype=np.float64).T[:2]
    middle = np.array([x_m, y_m, z_m])
    wide, high = BOARD.size_m
    return picture(LENS, BOARD, middle - axes[0] * wide / 2 - axes[1] * high / 2, axes)


HELD = [
    (0, 0, 0.0, 0.0, 0.5),
    (35, 0, -0.25, 0.0, 0.6),
    (-35, 0, 0.25, 0.0, 0.6),
    (0, 35, 0.0, -0.16, 0.6),
    (0, -35, 0.0, 0.16, 0.6),
    (25, 25, -0.28, -0.2, 0.65),
    (-25, 25, 0.28, -0.2, 0.65),
    (25, -25, -0.28, 0.2, 0.65),
    (-25, -25, 0.28, 0.2, 0.65),
    (15, -30, 0.1, 0.05, 0.5),
]


@pytest.fixture(scope="module")
def views() -> list[BoardView]:
    found = [BOARD.find(held(*at)) for at in HELD]
    assert all(view is not None for view in found)
    return [view for view in found if view is not None]


@pytest.fixture(scope="module")
def fit(views: list[BoardView]) -> LensFit:
    return fit_lens(views, (640, 480))


def test_the_lens_is_recovered(fit: LensFit):
    assert fit.focal_px == pytest.approx((LENS.fx, LENS.fy), rel=0.005)
    assert fit.centre_px == pytest.approx((LENS.cx, LENS.cy), abs=1.0)
    assert fit.radial[0] == pytest.approx(LENS.k1, abs=0.01)
    # what counts is where the lens puts things: within a pixel up to the corners
    found = replace(
        LENS,
        fx=fit.focal_px[0],
        fy=fit.focal_px[1],
        cx=fit.centre_px[0],
        cy=fit.centre_px[1],
        k1=fit.radial[0],
        k2=fit.radial[1],
    )
    u, v = np.meshgrid(np.linspace(20, 620, 7), np.linspace(20, 460, 6))
    pixels = np.column_stack([u.ravel(), v.ravel()])
    again, _ = found.project(LENS.ray(pixels))
    assert np.abs(again - pixels).max() < 1.0
    assert fit.rms_px < 0.15
    assert fit.warnings() == []
    assert fit.dropped == ()


def test_poor_pictures_are_warned_of(views: list[BoardView]):
    few = fit_lens([views[0], views[0], views[9], views[9]], (640, 480)).warnings()
    assert any("only 4 usable pictures" in said for said in few)
    assert any("of the picture" in said for said in few)
    assert any("tilt" in said for said in few)
    with pytest.raises(LensFitError, match="found in 2 pictures"):
        fit_lens(views[:2], (640, 480))


def test_a_picture_that_contradicts_the_others_is_left_out(views: list[BoardView]):
    shaken = views[3].pixels + np.random.default_rng(1).normal(0, 6, views[3].pixels.shape)
    odd = [*views[:3], replace(views[3], pixels=shaken), *views[4:]]
    fit = fit_lens(odd, (640, 480))
    assert fit.dropped == (3,)
    assert fit.focal_px[0] == pytest.approx(LENS.fx, rel=0.005)


def test_a_lens_beyond_k1_and_k2_is_told(views: list[BoardView]):
    bent = []
    for view in views:
        flat = (view.pixels - (LENS.cx, LENS.cy)) / LENS.fx
        sideways = 0.02 * np.column_stack([2 * flat[:, 0] * flat[:, 1], 3 * flat[:, 1] ** 2])
        bent.append(replace(view, pixels=view.pixels + sideways * LENS.fx))
    assert any("tangential" in said for said in fit_lens(bent, (640, 480)).warnings())


def test_the_board_on_the_floor_gives_the_pose():
    camera = CameraModel.looking_at(
        "cam1",
        (640, 480),
        (402.0, 398.0),
        (326.0, 234.0),
        (0.15, 0.15, 2.75),
        (2.2, 2.0, 0.0),
        (-0.22, 0.05),
    )
    board = Board(5, 4, 0.2)
    x, y, yaw = 1.2, 1.4, 20.0
    corners = board.on_floor(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), x, y, yaw)
    seen = picture(camera, board, corners[0], corners[1:] - corners[0])
    view = board.find(seen)
    assert view is not None and len(view.ids) >= 8
    points = board.on_floor(view.corners_m, x, y, yaw)
    marks = [Mark(str(i), p, q) for i, p, q in zip(view.ids, view.pixels, points, strict=True)]
    fit = fit_pose(replace(camera, rotation=np.eye(3), position_m=np.zeros(3)), marks)
    assert np.linalg.norm(fit.camera.position_m - camera.position_m) < 0.01
    cosine = (np.trace(fit.camera.rotation @ camera.rotation.T) - 1) / 2
    assert np.degrees(np.arccos(min(1.0, cosine))) < 0.1


def test_an_empty_picture_has_no_board():
    assert BOARD.find(np.full((480, 640, 3), 150, np.uint8)) is None


@pytest.mark.parametrize("size", [(2, 6, 0.03), (20, 20, 0.03), (9, 6, 0.0)])
def test_boards_that_cannot_be_are_refused(size: tuple[int, int, float]):
    with pytest.raises(ValueError):
        Board(*size)
