import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sensors.store import Store, load_store
from simulator.people import Body, Figure, Stance, pose_body
from simulator.render import HELD_ID, PRODUCT_ID, Frame, Renderer
from simulator.scenery import FLOOR_ID
from simulator.world import Pictures

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store(CORNER)


@pytest.fixture
def renderer(store: Store) -> Renderer:
    return Renderer(store, [c.model() for c in store.cameras[:2]], 4)


def test_equal_arguments_give_equal_bytes(store: Store, renderer: Renderer) -> None:
    people = [(1, Figure(), Stance(3.0, 3.5, 1.0, right_holds=store.products[0].gtin))]
    again = Renderer(store, [c.model() for c in store.cameras[:2]], 4)
    one, two = renderer.render("cam1", people, 5), again.render("cam1", people, 5)
    assert one.rgb.tobytes() == two.rgb.tobytes()
    assert one.ids.tobytes() == two.ids.tobytes()
    assert one.depth.tobytes() == two.depth.tobytes()
    assert one.rgb.tobytes() != renderer.render("cam1", people, 6).rgb.tobytes()
    other = Renderer(store, [store.cameras[0].model()], 5)
    assert one.rgb.tobytes() != other.render("cam1", people, 5).rgb.tobytes()


def test_a_frame_leaves_no_trace_in_the_next(renderer: Renderer) -> None:
    before = renderer.render("cam1", [])
    renderer.render("cam1", [(1, Figure(), Stance(3.0, 2.0, 0.0))])
    after = renderer.render("cam1", [])
    assert before.rgb.tobytes() == after.rgb.tobytes()
    assert (after.ids >= FLOOR_ID).all()


def test_depth_and_ids_agree_with_the_projection_of_floor_points(
    store: Store, renderer: Renderer
) -> None:
    frame, camera = renderer.render("cam1", []), store.cameras[0].model()
    points = np.array([[3.0, 1.2, 0.0], [2.0, 1.5, 0.0], [4.2, 1.9, 0.0], [4.8, 1.0, 0.0]])
    pixels, depth = camera.project(points)
    for (u, v), d in zip(np.rint(pixels).astype(int), depth, strict=True):
        assert frame.ids[v, u] == FLOOR_ID
        assert frame.depth[v, u] == pytest.approx(d, abs=0.03)


def test_the_picture_of_a_person_lies_where_their_limbs_project(
    store: Store, renderer: Renderer
) -> None:
    stance, camera = Stance(3.0, 2.0, 0.57), store.cameras[0].model()
    body = pose_body(Figure(), stance)
    frame = renderer.render("cam1", [(7, Figure(), stance)])
    pixels, depth = camera.project(body.joints[5:])
    for (u, v), d in zip(np.rint(pixels).astype(int), depth, strict=True):
        assert frame.ids[v, u] == 7
        assert d - 0.3 < frame.depth[v, u] < d + 0.05
    ends = np.concatenate([body.capsules[:, :3], body.capsules[:, 3:6]])
    around, _ = camera.project(ends)
    rows, columns = np.nonzero(frame.ids == 7)
    assert (columns.min(), rows.min()) == pytest.approx(around.min(axis=0), abs=16)
    assert (columns.max(), rows.max()) == pytest.approx(around.max(axis=0), abs=16)


def test_who_stands_nearer_hides_who_stands_behind(renderer: Renderer) -> None:
    near, far = Stance(1.6, 1.4, 0.0), Stance(2.1, 1.85, 0.0)
    frame = renderer.render("cam1", [(1, Figure(), near), (2, Figure(), far)])
    swapped = renderer.render("cam1", [(2, Figure(), far), (1, Figure(), near)])
    assert (frame.ids == swapped.ids).all()
    alone = renderer.silhouette("cam1", pose_body(Figure(), near))
    assert (frame.ids[alone] == 1).mean() > 0.99


def test_the_background_follows_the_stock_as_if_drawn_anew(store: Store) -> None:
    camera = store.cameras[0].model()
    renderer = Renderer(store, [camera], 4)
    product = PRODUCT_ID + [p.gtin for p in store.products].index("04000000016663")
    full = renderer.render("cam1", [])
    renderer.set_stock({"g2s2.4": 0})
    empty = renderer.render("cam1", [])
    assert (full.ids == product).sum() > 30
    assert (empty.ids == product).sum() == 0
    renderer.set_stock({"g2s2.4": 15})
    again = renderer.render("cam1", [])
    assert again.rgb.tobytes() == full.rgb.tobytes()
    assert again.depth.tobytes() == full.depth.tobytes()
    with pytest.raises(KeyError):
        renderer.set_stock({"nowhere.1": 3})


def test_a_held_product_is_seen_at_the_hand(store: Store, renderer: Renderer) -> None:
    stance = Stance(2.6, 2.0, -2.4, right_holds=store.products[8].gtin)
    frame = renderer.render("cam1", [(1, Figure(), stance)])
    rows, columns = np.nonzero(frame.ids == HELD_ID + 8)
    palm = pose_body(Figure(), stance).palms[1:]
    (u, v), *_ = store.cameras[0].model().project(palm)[0]
    assert len(rows) > 50
    assert np.hypot(columns.mean() - u, rows.mean() - v) < 25


def test_a_person_darkens_the_floor_they_stand_on(renderer: Renderer) -> None:
    before = renderer.render("cam1", [])
    after = renderer.render("cam1", [(1, Figure(), Stance(2.6, 2.0, 0.0))])
    floor = (after.ids == FLOOR_ID) & (before.rgb.sum(axis=2) > after.rgb.sum(axis=2) + 20)
    assert floor.sum() > 200


@pytest.mark.parametrize("radial", [(0.0, 0.0), (-0.28, 0.07), (0.1, 0.0)])
def test_a_marker_is_seen_where_a_camera_with_that_lens_projects_it(
    store: Store, radial: tuple[float, float]
) -> None:
    camera = store.cameras[0].model_copy(update={"k1": radial[0], "k2": radial[1]}).model()
    renderer = Renderer(store, [camera], 4)
    grid = np.array([[u, v] for u in (8, 90, 320, 600) for v in (8, 200, 470)], dtype=np.float64)
    for pixel, ray in zip(grid, camera.ray(grid), strict=True):
        x, y, z = camera.position_m + 3.0 * ray
        capsules = np.array([[x, y, z, x, y, z, 0.02, 0, 0, 0, 0]])
        marker = renderer.silhouette(
            "cam1", Body(np.zeros((17, 3)), *np.zeros((2, 2, 3)), capsules)
        )
        rows, columns = np.nonzero(marker)
        assert len(rows) >= 8
        assert (columns.mean(), rows.mean()) == pytest.approx(tuple(pixel), abs=0.7)


def test_a_bent_picture_shows_the_floor_where_its_lens_does(store: Store) -> None:
    camera = store.cameras[0].model_copy(update={"k1": -0.25, "k2": 0.05}).model()
    frame = Renderer(store, [camera], 4).render("cam1", [])
    rows, columns = np.nonzero(frame.ids == FLOOR_ID)
    floor = camera.to_plane(np.stack([columns, rows], axis=1).astype(np.float64))
    _, depth = camera.project(np.column_stack([floor, np.zeros(len(floor))]))
    assert len(rows) > 10_000
    assert np.abs(frame.depth[rows, columns] - depth).max() < 1e-3
    assert not np.isinf(frame.depth).any()


CLEAN = {"noise": (0, 0), "jpeg_share": 0, "shutter_ms": (0, 0)}


def taken(store: Store, people: list[tuple[int, Figure, Stance]], **keys: object) -> Frame:
    pictures = Pictures.model_validate({**CLEAN, **keys})
    camera = store.cameras[0].model()
    return Renderer(store, [camera], 4, pictures=pictures).render("cam1", people, 9)


def test_who_walks_is_blurred_and_who_stands_is_not(store: Store) -> None:
    people = [(1, Figure(), Stance(2.6, 2.0, 2.3, 1.0, 1.3)), (2, Figure(), Stance(3.6, 3.6, 0.0))]
    sharp, blurred = taken(store, people), taken(store, people, shutter_ms=(25, 25))
    changed = (sharp.rgb != blurred.rgb).any(axis=2)
    assert (sharp.ids == blurred.ids).all()
    assert changed.sum() > 1000
    rows, columns = np.nonzero(sharp.ids == 1)
    y, x = np.nonzero(changed)
    assert rows.min() - 40 < y.min() < y.max() < rows.max() + 40
    assert columns.min() - 40 < x.min() < x.max() < columns.max() + 40
    edges = [np.abs(np.diff(f.rgb[changed].astype(int), axis=0)).mean() for f in (sharp, blurred)]
    assert edges[1] < edges[0]


def test_noise_grows_with_the_light(store: Store) -> None:
    clean = taken(store, []).rgb.astype(int)
    noise = taken(store, [], noise=(4, 4), shot_share=0.8).rgb.astype(int) - clean
    dark, light = ((clean > low) & (clean < low + 40) for low in (30, 190))
    assert noise[light].std() > 1.3 * noise[dark].std()
    assert abs(noise[dark | light].mean()) < 0.2


def test_compression_leaves_its_blocks(store: Store) -> None:
    clean = taken(store, []).rgb.astype(int)
    packed = taken(store, [], jpeg_share=1, jpeg_quality=(20, 20)).rgb.astype(int)
    steps = np.abs(np.diff(packed, axis=1)).mean(axis=(0, 2))
    before = np.abs(np.diff(clean, axis=1)).mean(axis=(0, 2))
    assert (steps - before)[7::8].mean() > (steps - before).mean() + 0.1


def test_another_process_draws_the_same_bytes(store: Store) -> None:
    script = (
        "import hashlib, sys; from pathlib import Path; from sensors.store import load_store;"
        "from simulator.render import Renderer; from simulator.people import Figure, Stance;"
        "store = load_store(Path(sys.argv[1]));"
        "renderer = Renderer(store, [c.model() for c in store.cameras], 4);"
        "people = [(1, Figure(), Stance(3.0, 3.5, 1.0, 0.4, 1.1))];"
        "frames = [renderer.render(c.id, people, 5) for c in store.cameras];"
        "print(hashlib.sha256(b''.join(f.rgb.tobytes() for f in frames)).hexdigest())"
    )
    command = [sys.executable, "-c", script, str(CORNER)]
    said = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert said[0] == said[1]
    assert len(said[0].strip()) == 64
