from pathlib import Path

import numpy as np
import pytest

from sensors.store import Store, load_store
from simulator.people import Figure, Stance, pose_body
from simulator.render import HELD_ID, PRODUCT_ID, Renderer
from simulator.scenery import FLOOR_ID

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
