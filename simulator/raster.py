"""A z-buffer that casts one ray per pixel inside each primitive's projected rectangle.

Primitives are rows of float64 arrays (`QUAD_COLUMNS`, `CYLINDER_COLUMNS`, and capsules as in
`simulator.people`). Single-threaded and without randomness: equal inputs give equal bytes.
Depth is metres along the optical axis. A camera is the numbers of `lens` and the `rays` of its
pixels: rays bear the lens's distortion, so that edges, ids and depth are exact with any lens.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.lens import reach

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

QUAD_COLUMNS = (
    16  # corner (3), edge right (3), edge up (3), rgb (3), texture or -1, repeats (2), id
)
CYLINDER_COLUMNS = 10  # foot (3), height, radius, rgb (3), texture or -1, id
TEXTURE_PX = 64
TEXTURE_LEVELS = 5
NEAR_M = 0.05


def lens(camera: CameraModel) -> Array:
    """The camera as numbers: rotation row by row (9), position (3), fx, fy, cx, cy, k1, k2 and the
    radius up to which they hold."""
    inner = [camera.fx, camera.fy, camera.cx, camera.cy, camera.k1, camera.k2]
    edge = [float(reach(camera.radial))]
    return np.concatenate([camera.rotation.ravel(), camera.position_m, inner, edge])


def pixel_rays(camera: CameraModel) -> Array:
    """Where each pixel looks (H, W, 2): right and down at one metre before the camera."""
    rows, columns = np.mgrid[0 : camera.height_px, 0 : camera.width_px]
    flat = camera.flat(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
    return np.ascontiguousarray(flat.reshape(camera.height_px, camera.width_px, 2))


@njit(cache=True)
def _flat(cam: Array, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A point as a camera without distortion sees it at one metre, right and down, and its
    depth."""
    dx, dy, dz = x - cam[9], y - cam[10], z - cam[11]
    depth = cam[6] * dx + cam[7] * dy + cam[8] * dz
    safe = max(depth, 1e-6)
    u = (cam[0] * dx + cam[1] * dy + cam[2] * dz) / safe
    v = (cam[3] * dx + cam[4] * dy + cam[5] * dz) / safe
    return u, v, depth


@njit(cache=True)
def _ray(cam: Array, rays: Array, px: int, py: int) -> tuple[float, float, float]:
    """Direction through a pixel in the world, of length 1 along the optical axis."""
    a, b = rays[py, px, 0], rays[py, px, 1]
    return (
        a * cam[0] + b * cam[3] + cam[6],
        a * cam[1] + b * cam[4] + cam[7],
        a * cam[2] + b * cam[5] + cam[8],
    )


@njit(cache=True)
def _bent(cam: Array, u: float, v: float) -> tuple[float, float]:
    """The pixel of a flat point."""
    squared = u * u + v * v
    edge = cam[18]
    inner = min(squared, edge * edge)
    scale = 1.0 + inner * (cam[16] + inner * cam[17])
    if squared > inner:  # straight on, as in sensors.lens
        slope = 1.0 + inner * (3.0 * cam[16] + inner * 5.0 * cam[17])
        radius = math.sqrt(squared)
        scale = (edge * scale + (radius - edge) * slope) / radius
    return cam[12] * u * scale + cam[14], cam[13] * v * scale + cam[15]


@njit(cache=True)
def _clip(
    cam: Array, lo_u: float, lo_v: float, hi_u: float, hi_v: float, window: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """The pixels (x0, y0, x1, y1) of a window that may show a flat rectangle.

    A bent side lies farthest out at its ends or where it passes the optical axis.
    """
    left, top, right, bottom = 1e9, 1e9, -1e9, -1e9
    middle_u, middle_v = min(max(0.0, lo_u), hi_u), min(max(0.0, lo_v), hi_v)
    for i in range(3):
        u = lo_u if i == 0 else (middle_u if i == 1 else hi_u)
        for j in range(3):
            v = lo_v if j == 0 else (middle_v if j == 1 else hi_v)
            x, y = _bent(cam, u, v)
            left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
    return (
        int(max(window[0], math.floor(max(left, -1e6)))),
        int(max(window[1], math.floor(max(top, -1e6)))),
        int(min(window[2], math.ceil(min(right, 1e6)) + 1)),
        int(min(window[3], math.ceil(min(bottom, 1e6)) + 1)),
    )


@njit(cache=True)
def _sample(atlas: Bytes, texture: int, level: int, s: float, t: float, channel: int) -> float:
    """Bilinear texture value at s, t in 0…1 (t upwards)."""
    n = atlas.shape[2]
    x = min(max(s, 0.0), 1.0) * (n - 1)
    y = (1.0 - min(max(t, 0.0), 1.0)) * (n - 1)
    x0, y0 = min(int(x), n - 2), min(int(y), n - 2)
    a, b = x - x0, y - y0
    face = atlas[texture, level]
    top = face[y0, x0, channel] * (1.0 - a) + face[y0, x0 + 1, channel] * a
    low = face[y0 + 1, x0, channel] * (1.0 - a) + face[y0 + 1, x0 + 1, channel] * a
    return float(top * (1.0 - b) + low * b)


@njit(cache=True)
def _level(texels_per_px: float) -> int:
    level = 0
    while texels_per_px > 1.4 and level < 4:
        texels_per_px *= 0.5
        level += 1
    return level


@njit(cache=True)
def _shade(nx: float, ny: float, nz: float, light: Array) -> float:
    """Ambient light from above plus Lambert's law; the normal has unit length."""
    direct = max(0.0, nx * light[0] + ny * light[1] + nz * light[2])
    return float(light[3] * (0.9 + 0.1 * nz) + (1.0 - light[3]) * direct)


@njit(cache=True)
def draw_quads(
    rgb: Bytes,
    ids: NDArray[np.int32],
    depth: NDArray[np.float32],
    cam: Array,
    rays: Array,
    light: Array,
    quads: Array,
    atlas: Bytes,
    window: NDArray[np.int64],
) -> None:
    """Draw parallelograms (Q, 16) seen from their front into `window` (x0, y0, x1, y1), in place.

    `rgb` (H, W, 3), `ids` (H, W), `depth` (H, W); `light` (4,) is the direction to the lamp and
    the ambient share; `atlas` (T, levels, n, n, 3).
    """
    for q in range(quads.shape[0]):
        o, e, f = quads[q, 0:3], quads[q, 3:6], quads[q, 6:9]
        nx = e[1] * f[2] - e[2] * f[1]
        ny = e[2] * f[0] - e[0] * f[2]
        nz = e[0] * f[1] - e[1] * f[0]
        facing = nx * (cam[9] - o[0]) + ny * (cam[10] - o[1]) + nz * (cam[11] - o[2])
        size = math.sqrt(nx * nx + ny * ny + nz * nz)
        if facing <= 0.0 or size <= 0.0:
            continue
        lo_u, lo_v, hi_u, hi_v, behind = 1e9, 1e9, -1e9, -1e9, 0
        for k in range(4):
            i, j = k & 1, k >> 1
            u, v, d = _flat(
                cam,
                o[0] + i * e[0] + j * f[0],
                o[1] + i * e[1] + j * f[1],
                o[2] + i * e[2] + j * f[2],
            )
            if d < NEAR_M:
                behind += 1
            lo_u, lo_v, hi_u, hi_v = min(lo_u, u), min(lo_v, v), max(hi_u, u), max(hi_v, v)
        if behind == 4:
            continue
        if behind > 0:
            lo_u, lo_v, hi_u, hi_v = -1e4, -1e4, 1e4, 1e4
        x0, y0, x1, y1 = _clip(cam, lo_u, lo_v, hi_u, hi_v, window)
        ee = e[0] * e[0] + e[1] * e[1] + e[2] * e[2]
        ff = f[0] * f[0] + f[1] * f[1] + f[2] * f[2]
        shade = _shade(nx / size, ny / size, nz / size, light)
        texture = int(quads[q, 12])
        repeat_s, repeat_t = quads[q, 13], quads[q, 14]
        density = atlas.shape[2] * max(repeat_s / math.sqrt(ee), repeat_t / math.sqrt(ff)) / cam[12]
        for y in range(y0, y1):
            for x in range(x0, x1):
                dx, dy, dz = _ray(cam, rays, x, y)
                slope = nx * dx + ny * dy + nz * dz
                if slope >= 0.0:
                    continue
                t = -facing / slope
                if t < NEAR_M or t >= depth[y, x]:
                    continue
                hx = cam[9] + t * dx - o[0]
                hy = cam[10] + t * dy - o[1]
                hz = cam[11] + t * dz - o[2]
                s = (hx * e[0] + hy * e[1] + hz * e[2]) / ee
                r = (hx * f[0] + hy * f[1] + hz * f[2]) / ff
                if s < 0.0 or s > 1.0 or r < 0.0 or r > 1.0:
                    continue
                depth[y, x] = t
                ids[y, x] = int(quads[q, 15])
                level = _level(density * t) if texture >= 0 else 0
                s, r = s * repeat_s, r * repeat_t
                for c in range(3):
                    value = quads[q, 9 + c]
                    if texture >= 0:
                        value *= (
                            _sample(atlas, texture, level, s - math.floor(s), r - math.floor(r), c)
                            / 255.0
                        )
                    rgb[y, x, c] = int(min(255.0, value * shade))


@njit(cache=True)
def draw_cylinders(
    rgb: Bytes,
    ids: NDArray[np.int32],
    depth: NDArray[np.float32],
    cam: Array,
    rays: Array,
    light: Array,
    cylinders: Array,
    atlas: Bytes,
    window: NDArray[np.int64],
) -> None:
    """Draw upright cylinders (C, 10) with a lid, like `draw_quads`."""
    for q in range(cylinders.shape[0]):
        fx, fy, fz, high, radius = cylinders[q, 0:5]
        lo_u, lo_v, hi_u, hi_v, behind = 1e9, 1e9, -1e9, -1e9, False
        for k in range(8):
            i, j, up = (k & 1) * 2 - 1, ((k >> 1) & 1) * 2 - 1, k >> 2
            u, v, d = _flat(cam, fx + i * radius, fy + j * radius, fz + up * high)
            behind = behind or d < NEAR_M
            lo_u, lo_v, hi_u, hi_v = min(lo_u, u), min(lo_v, v), max(hi_u, u), max(hi_v, v)
        if behind:
            continue
        x0, y0, x1, y1 = _clip(cam, lo_u, lo_v, hi_u, hi_v, window)
        texture = int(cylinders[q, 8])
        density = atlas.shape[2] / high / cam[12]
        ox, oy = cam[9] - fx, cam[10] - fy
        for y in range(y0, y1):
            for x in range(x0, x1):
                dx, dy, dz = _ray(cam, rays, x, y)
                a, b = dx * dx + dy * dy, ox * dx + oy * dy
                disc = b * b - a * (ox * ox + oy * oy - radius * radius)
                if disc < 0.0 or a < 1e-12:
                    continue
                t = (-b - math.sqrt(disc)) / a
                hz = cam[11] + t * dz - fz
                lid = False
                if hz > high and dz < 0.0:
                    t = (fz + high - cam[11]) / dz
                    hx, hy = ox + t * dx, oy + t * dy
                    if hx * hx + hy * hy > radius * radius:
                        continue
                    lid = True
                elif hz < 0.0 or hz > high:
                    continue
                if t < NEAR_M or t >= depth[y, x]:
                    continue
                depth[y, x] = t
                ids[y, x] = int(cylinders[q, 9])
                hx, hy = (ox + t * dx) / radius, (oy + t * dy) / radius
                shade = _shade(0.0, 0.0, 1.0, light) if lid else _shade(hx, hy, 0.0, light)
                turn = 1.0 + math.atan2(hy, hx) / math.pi
                level = _level(density * t)
                for c in range(3):
                    value = cylinders[q, 5 + c]
                    if texture >= 0 and not lid:
                        value *= (
                            _sample(atlas, texture, level, turn - math.floor(turn), hz / high, c)
                            / 255.0
                        )
                    rgb[y, x, c] = int(min(255.0, value * shade))


@njit(cache=True)
def draw_capsules(
    rgb: Bytes,
    ids: NDArray[np.int32],
    depth: NDArray[np.float32],
    cam: Array,
    rays: Array,
    light: Array,
    capsules: Array,
    person_id: int,
    window: NDArray[np.int64],
) -> None:
    """Draw a body's capsules (N, 11) under one id, like `draw_quads`.

    Method: the ray-capsule intersection of I. Quilez, "Intersectors".
    """
    for q in range(capsules.shape[0]):
        ax, ay, az, bx, by, bz, radius = capsules[q, 0:7]
        lo_u, lo_v, hi_u, hi_v, behind = 1e9, 1e9, -1e9, -1e9, False
        for k in range(2):
            u, v, d = _flat(cam, bx if k else ax, by if k else ay, bz if k else az)
            if d < NEAR_M + radius:
                behind = True
                continue
            spread = radius / (d - radius) * (1.0 + 0.6 * math.hypot(u, v)) + 1.0 / cam[12]
            lo_u, hi_u = min(lo_u, u - spread), max(hi_u, u + spread)
            lo_v, hi_v = min(lo_v, v - spread), max(hi_v, v + spread)
        if behind:
            continue
        x0, y0, x1, y1 = _clip(cam, lo_u, lo_v, hi_u, hi_v, window)
        wx, wy, wz = bx - ax, by - ay, bz - az
        ox, oy, oz = cam[9] - ax, cam[10] - ay, cam[11] - az
        ww = wx * wx + wy * wy + wz * wz
        wo = wx * ox + wy * oy + wz * oz
        oo = ox * ox + oy * oy + oz * oz
        stripes = capsules[q, 10]
        for y in range(y0, y1):
            for x in range(x0, x1):
                dx, dy, dz = _ray(cam, rays, x, y)
                dd = dx * dx + dy * dy + dz * dz
                wd = wx * dx + wy * dy + wz * dz
                do = dx * ox + dy * oy + dz * oz
                a = ww * dd - wd * wd
                b = ww * do - wo * wd
                disc = b * b - a * (ww * oo - wo * wo - radius * radius * ww)
                if disc < 0.0:
                    continue
                t, along = 0.0, -1.0
                if a > 1e-12:
                    t = (-b - math.sqrt(disc)) / a
                    along = wo + t * wd
                if along <= 0.0 or along >= ww:  # not on the side: the sphere of the nearer end
                    far = along >= ww or (a <= 1e-12 and wd < 0.0)
                    sx, sy, sz = (ox - wx, oy - wy, oz - wz) if far else (ox, oy, oz)
                    b = dx * sx + dy * sy + dz * sz
                    disc = b * b - dd * (sx * sx + sy * sy + sz * sz - radius * radius)
                    if disc < 0.0:
                        continue
                    t = (-b - math.sqrt(disc)) / dd
                    along = ww if far else 0.0
                if t < NEAR_M or t >= depth[y, x]:
                    continue
                depth[y, x] = t
                ids[y, x] = person_id
                share = along / ww if ww > 0.0 else 0.0
                nx = (ox + t * dx - share * wx) / radius
                ny = (oy + t * dy - share * wy) / radius
                nz = (oz + t * dz - share * wz) / radius
                shade = _shade(nx, ny, nz, light)
                if stripes > 0.0 and math.sin(6.2831853 * stripes * (cam[11] + t * dz)) > 0.35:
                    shade *= 0.55
                for k in range(3):
                    rgb[y, x, k] = int(min(255.0, capsules[q, 7 + k] * shade))


@njit(cache=True)
def draw_shadow(
    rgb: Bytes,
    ids: NDArray[np.int32],
    cam: Array,
    rays: Array,
    x_m: float,
    y_m: float,
    radius_m: float,
    floor_id: int,
    window: NDArray[np.int64],
) -> None:
    """Darken the floor around a point where a person blocks the light from above, in place."""
    lo_u, lo_v, hi_u, hi_v = 1e9, 1e9, -1e9, -1e9
    for k in range(4):
        i, j = (k & 1) * 2 - 1, (k >> 1) * 2 - 1
        u, v, d = _flat(cam, x_m + i * radius_m, y_m + j * radius_m, 0.0)
        if d < NEAR_M:
            return
        lo_u, lo_v, hi_u, hi_v = min(lo_u, u), min(lo_v, v), max(hi_u, u), max(hi_v, v)
    x0, y0, x1, y1 = _clip(cam, lo_u, lo_v, hi_u, hi_v, window)
    for y in range(y0, y1):
        for x in range(x0, x1):
            if ids[y, x] != floor_id:
                continue
            dx, dy, dz = _ray(cam, rays, x, y)
            t = -cam[11] / dz
            off = math.hypot(cam[9] + t * dx - x_m, cam[10] + t * dy - y_m) / radius_m
            if off < 1.0:
                keep = 1.0 - 0.5 * (1.0 - off * off) ** 2
                for c in range(3):
                    rgb[y, x, c] = int(rgb[y, x, c] * keep)


@njit(cache=True)
def develop(
    rgb: Bytes,
    curves: Bytes,
    grain: NDArray[np.float32],
    noise: NDArray[np.int8],
    shift_x: int,
    shift_y: int,
) -> None:
    """Apply per-channel tone `curves` (3, 256) and the shifted `noise` tile (h, w), whose strength
    at each grey value is `grain` (256,), in place."""
    h, w = noise.shape
    for y in range(rgb.shape[0]):
        row = noise[(y + shift_y) % h]
        start = (shift_x + 7 * y) % w
        for x in range(rgb.shape[1]):
            for c in range(3):
                light = curves[c, rgb[y, x, c]]
                value = int(light + row[start] * grain[light] + np.float32(0.5))
                start = start + 1 if start + 1 < w else 0
                rgb[y, x, c] = min(255, max(0, value))
