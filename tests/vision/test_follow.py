"""Pictures are searched in rounds; between, known people are followed where they went."""

import numpy as np
import pytest

from vision.detection import Detection
from vision.follow import SEARCH_NS, SETTLED_NS, Follower, Following, Rounds
from vision.pipeline import VisionPipeline

TENTH_NS = 100_000_000
FRAMES = {"a": np.zeros((480, 640, 3), np.uint8)}
PLACES = np.random.default_rng(1).uniform([100, 100], [180, 300], (17, 2))
BOX = np.array([100.0, 100.0, 180.0, 300.0])


def somebody(shift=(0.0, 0.0), visible: float = 0.9, score: float = 0.8, box=BOX) -> Detection:
    joints = np.column_stack([PLACES + shift, np.full(17, visible)])
    return Detection(box, score, joints, np.full(17, 2.0))


class Answering:
    """A second look that says what it is told to say."""

    def __init__(self, *answers: Detection) -> None:
        self.answers = list(answers)

    def refine(self, frames, found):
        answers = iter(self.answers)
        return {camera: [next(answers) for _ in people] for camera, people in found.items()}


def followed(answer: Detection) -> list[Detection]:
    eyes = Following(None, Answering(answer))
    return eyes.follow(FRAMES, {"a": [somebody()]})["a"]


@pytest.mark.parametrize(("settled", "every"), [(False, 3), (True, 5)])
def test_every_camera_is_searched_at_once_and_then_in_turn(settled: bool, every: int) -> None:
    rounds = Rounds("abcd")
    due = [[c for c in "abcd" if rounds.due(c, n * TENTH_NS, settled=settled)] for n in range(40)]
    assert due[0] == list("abcd")
    for later in range(every, 40 - every):
        some = due[later : later + every]
        assert sorted(c for cameras in some for c in cameras) == list("abcd")
        assert max(len(cameras) for cameras in some) <= 2


@pytest.mark.parametrize("at_ns", [-1, SETTLED_NS, 3600 * 10**9])
def test_a_gap_or_a_clock_set_back_is_reason_to_search(at_ns: int) -> None:
    rounds = Rounds("a")
    assert rounds.due("a", 0, settled=True)
    assert not rounds.due("a", SETTLED_NS - 1, settled=True)
    assert not rounds.due("a", SEARCH_NS - 1, settled=False)
    assert rounds.due("a", at_ns, settled=True)


def test_a_box_that_the_look_tells_is_taken() -> None:
    told = somebody((3.0, 0.0), box=BOX + 2)
    assert followed(told) == [told]


@pytest.mark.parametrize(
    "answer",
    [somebody(visible=0.1), somebody((90.0, 0.0)), somebody(score=0.1)],
    ids=["hidden", "another person", "nobody"],
)
def test_who_is_not_there_any_more_is_left(answer: Detection) -> None:
    assert followed(answer) == []


def test_of_two_that_met_on_one_body_the_surer_stays() -> None:
    eyes = Following(None, Answering(somebody(score=0.5), somebody(score=0.7)))
    (found,) = eyes.follow(FRAMES, {"a": [somebody(score=0.5), somebody(score=0.7)]})["a"]
    assert found.score == 0.7
    assert eyes.follow(FRAMES, {"a": []}) == {"a": []}


class Scripted:
    """Finds people where it is told, and follows whomever it is given."""

    def __init__(self) -> None:
        self.there: list[Detection] = []
        self.searched: list[list[str]] = []

    def detect_all(self, frames):
        self.searched.append(list(frames))
        return {camera: list(self.there) for camera in frames}

    def follow(self, frames, known):
        assert known.keys() <= frames.keys()
        return {camera: list(people) for camera, people in known.items()}


def test_a_newcomer_is_found_within_a_round(store) -> None:
    eyes = Scripted()
    assert isinstance(eyes, Follower)
    pipeline = VisionPipeline(store, eyes, "v", "b")
    pictures = {c.id: np.zeros((c.height_px, c.width_px, 3), np.uint8) for c in store.cameras}
    for n in range(20):
        pipeline.see(n * TENTH_NS, pictures)
    assert pipeline.looks == 20 * len(store.cameras)
    assert pipeline.searches == sum(len(cameras) for cameras in eyes.searched) < pipeline.looks / 2
    eyes.there = [somebody()]
    for n in range(20, 25):
        pipeline.see(n * TENTH_NS, pictures)
    assert all(len(found) == 1 for found in pipeline.latest.values())


def test_a_camera_that_was_away_is_searched_when_it_is_back(store) -> None:
    eyes = Scripted()
    pipeline = VisionPipeline(store, eyes, "v", "b")
    pictures = {c.id: np.zeros((c.height_px, c.width_px, 3), np.uint8) for c in store.cameras}
    away, *others = pictures
    for n in range(10):
        pipeline.see(n * TENTH_NS, {c: pictures[c] for c in others} if 0 < n < 9 else pictures)
    assert away in eyes.searched[0]
    assert away in eyes.searched[-1]
