"""What hands held: in, out, cut around, pooled; nothing where nobody reaches or nobody sees."""

import numpy as np
import pytest

from sensors.wire import HandReport, VisionReport, decode, encode, topic
from vision.gallery import Gallery, Scale
from vision.held import AFTER_NS, HeldFinder, KnownProducts
from vision.people import Joints, Person
from vision.reaching import Reaching, depth_in_racks
from vision.rig import Rig
from vision.view import View

MS = 1_000_000
STEP_NS = 100 * MS
BLUE, RED = "04000000010371", "04000000010746"
COLOURS = {BLUE: (20, 20, 230), RED: (230, 20, 20)}


class MeanColour:
    """An embedder that tells plain colours apart."""

    network, dimensions = "mean colour", 3

    def embed(self, crops):
        means = np.array([crop.reshape(-1, 3).mean(axis=0) for crop in crops], dtype=np.float32)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def gallery(scale=None):
    made = Gallery("mean colour", 3, scale or Scale())
    for gtin, colour in COLOURS.items():
        made.enrol(gtin, MeanColour().embed([np.full((4, 4, 3), colour, np.uint8)]))
    return made


class Scene:
    """A hand before a rack of the corner shop, while all pictures have one colour."""

    def __init__(self, store, made=None):
        self.rig = Rig([camera.model() for camera in store.cameras])
        self.store = store
        known = KnownProducts(MeanColour(), gallery() if made is None else made)
        self.finder = HeldFinder(store, self.rig, known)
        self.at_ns = 0
        self.bystander = None
        self.sure = 0.9

    def look(self, into_m, colour):
        """One instant with a hand so deep in the first rack."""
        self.at_ns += STEP_NS
        gondola = self.store.gondolas[0]
        palm = np.array([*gondola.to_floor(0.6, into_m), 1.0])
        elbow = np.array([*gondola.to_floor(0.6, into_m - 0.3), 1.1])
        body = np.array(gondola.to_floor(0.6, -0.5))
        places = [body] if self.bystander is None else [body, self.bystander]
        count = len(places)
        joints = Joints(
            np.zeros((count, len(self.rig), 17, 2)),
            np.zeros((count, len(self.rig), 17)),
            np.full((count, len(self.rig)), 200.0),
        )
        views, pictures = [], {}
        for c, camera in enumerate(self.rig.ids):
            for joint, place in ((10, palm), (8, elbow)):
                joints.pixels[0, c, joint] = self.rig.project(c, place[None])[0]
                joints.confidence[0, c, joint] = self.sure
            u, v = joints.pixels[0, c, 10]
            near = np.array([u - 50, v - 50, u + 50, v + 50])
            views.append(
                View(
                    camera, np.ones(count), np.stack([near] * count), np.zeros((count, 17, 3)),
                    np.stack(places), np.zeros((count, 2, 2)), np.ones(count, bool),
                    np.zeros((count, 6)), np.ones(count, bool),
                )
            )  # fmt: skip
            w, h = self.rig.size_px[c].astype(int)
            pictures[camera] = np.full((h, w, 3), COLOURS.get(colour, (90, 90, 90)), np.uint8)
        people = [
            Person(f"t{n}", place, np.zeros(2), dict.fromkeys(self.rig.ids, n))
            for n, place in enumerate(places)
        ]
        hand = HandReport(
            tracklet="t0", side="right", x_m=float(palm[0]), y_m=float(palm[1]),
            z_m=1.0, sigma_m=0.05, views=2,
        )  # fmt: skip
        return self.finder.watch(self.at_ns, people, joints, [hand], views, pictures)

    def go(self, depths_m, colour):
        return [one for depth_m in depths_m for one in self.look(depth_m, colour)]


IN = [-0.5, -0.5, -0.5, -0.45, -0.35, -0.2, -0.05]
STAY = [0.05, 0.05, 0.05]
OUT = [-0.05, -0.2, -0.35, *[-0.45] * 20]


def test_a_reach_tells_what_was_brought_and_what_was_taken(store):
    scene = Scene(store)
    found = scene.go(IN, BLUE) + scene.go(STAY, None) + scene.go(OUT, RED)
    assert [(s.moment, s.side, s.tracklet) for s in found] == [
        ("before", "right", "t0"),
        ("after", "right", "t0"),
    ]
    for sighting, gtin in zip(found, (BLUE, RED), strict=True):
        assert sighting.scores[0][0] == gtin
        assert sighting.scores[0][1] > 0.9
        assert sighting.ended_ns - sighting.began_ns <= AFTER_NS
    assert found[0].ended_ns <= 7 * STEP_NS
    assert found[1].began_ns >= 11 * STEP_NS


def test_a_sighting_is_fit_for_the_bus(store):
    scene = Scene(store)
    found = scene.go(IN, BLUE)
    report = VisionReport(device="v", boot="b", seq=0, at_ns=scene.at_ns, sightings=found)
    assert len(found) == 1
    assert decode(topic("corner", "vision", "v"), encode(report), "corner") == report


def test_a_hand_that_goes_in_again_completes_what_it_took_before(store):
    scene = Scene(store)
    found = scene.go(IN + STAY, BLUE) + scene.go(OUT[:6], RED) + scene.go(IN[3:], BLUE)
    assert [s.moment for s in found] == ["before", "after", "before"]
    assert [s.scores[0][0] for s in found] == [BLUE, RED, RED]


@pytest.mark.parametrize("depths_m", [[-0.6] * 40, [-0.9, -0.6, -0.4, -0.3, -0.5] * 8])
def test_who_does_not_reach_costs_nothing(store, depths_m):
    scene = Scene(store)
    assert scene.go(depths_m, RED) == []
    assert scene.finder.embedded == 0


def test_a_hand_behind_somebody_is_not_cut_out(store):
    scene = Scene(store)
    others = [tuple(p) for p in scene.rig.position_m[:, :2]]
    for other in others:  # before one camera each, then the others still see the hand
        scene = Scene(store)
        scene.bystander = np.array(other)
        assert len(scene.go(IN, BLUE)) == 1
    alone = Scene(store)
    alone.rig.position_m[:, :2] = np.array(others[0]) - 50.0  # every camera far behind them
    alone.bystander = np.array(others[0])
    assert alone.go(IN, BLUE) == []


def test_unsure_joints_are_not_followed(store):
    scene = Scene(store)
    scene.sure = 0.2
    assert scene.go(IN + STAY + OUT, BLUE) == []


def test_what_looks_like_nothing_known_is_not_told(store):
    scene = Scene(store, gallery(Scale(temperature=0.01, unknown_at=0.99)))
    assert scene.go(IN + STAY + OUT, None) == []
    assert scene.finder.embedded > 0


def test_without_products_nothing_is_told(store):
    scene = Scene(store, Gallery("mean colour", 3))
    assert scene.go(IN + STAY + OUT, BLUE) == []
    assert scene.finder.embedded == 0


@pytest.mark.parametrize("bias_m", [0.0, -0.2])
def test_a_reach_is_found_whatever_the_bias(bias_m):
    reaching = Reaching()
    happened = [
        reaching.look(n * STEP_NS, depth_m + bias_m) for n, depth_m in enumerate(IN + STAY + OUT)
    ]
    assert [one for one in happened if one] == ["in", "out"]
    assert happened.index("in") < len(IN) + 2
    assert len(IN + STAY) <= happened.index("out") < len(IN + STAY) + 4


def test_noise_is_no_reach():
    rng, reaching = np.random.default_rng(0), Reaching()
    depths = -0.2 + rng.normal(0, 0.02, 600)
    assert [reaching.look(n * STEP_NS, float(d)) for n, d in enumerate(depths)] == [None] * 600


def test_a_hand_that_was_gone_begins_anew():
    reaching = Reaching()
    assert reaching.look(0, -0.6) is None
    assert reaching.look(5_000 * MS, -0.1) is None
    assert not reaching.inside


def test_depth_is_that_of_the_rack_before_which_a_hand_is(store):
    gondola = store.gondolas[0]
    x, y = gondola.to_floor(0.6, -0.1)
    assert depth_in_racks(store.gondolas, (x, y, 1.0)) == pytest.approx(-0.1)
    assert depth_in_racks([gondola], (x, y, 3.0)) is None
    assert depth_in_racks([gondola], (x + 5.0, y, 1.0)) is None
