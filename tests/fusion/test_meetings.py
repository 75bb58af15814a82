"""Two hands that meet between two people: something may have been handed over."""

from fusion.meetings import OVER_NS, Meetings, handed
from fusion.states import Holding, Mark, State
from sensors.observations import HandPoint, TrackPoint

NS = 1_000_000_000
STEP_NS = NS // 10


def picture(meetings, at_ns, *, apart_m=0.1, height_m=1.1, gap_m=0.7, beside_m=0.0, occluded=False):
    """Two people face each other, each with a hand between them."""
    for tracklet, x in (("t1", 0.0), ("t2", gap_m)):
        meetings.body(
            TrackPoint(at_ns=at_ns, tracklet=tracklet, x_m=x, y_m=0, covariance=(0.01, 0, 0.01))
        )
    for tracklet, side in (("t1", -1), ("t2", 1)):
        meetings.hand(
            HandPoint(
                at_ns=at_ns, tracklet=tracklet, side="right", x_m=(gap_m + side * apart_m) / 2,
                y_m=beside_m, z_m=height_m, sigma_m=0.05, views=2, occluded=occluded,
            )
        )  # fmt: skip


def met(pictures=3, **how):
    meetings = Meetings()
    for n in range(pictures):
        picture(meetings, n * STEP_NS, **how)
    last_ns = (pictures - 1) * STEP_NS
    assert meetings.over(last_ns + OVER_NS) == []
    found = meetings.over(last_ns + OVER_NS + 1)
    assert meetings.over(last_ns + 2 * OVER_NS) == []
    return found


def test_hands_that_meet_are_told_once_when_it_is_over():
    (one,) = met()
    assert one.tracklets == ("t1", "t2")
    assert (one.began_ns, one.ended_ns, one.pictures) == (0, 2 * STEP_NS, 3)


def test_hands_that_do_not_meet_are_not_told():
    assert met(pictures=1) == []
    assert met(apart_m=0.5) == []
    assert met(height_m=0.4) == []
    assert met(gap_m=0.2) == []
    assert met(gap_m=1.5) == []
    assert met(beside_m=0.4) == []
    assert met(occluded=True) == []


def test_all_that_either_holds_may_have_gone_to_the_other():
    two = Holding(1, "g", 2, Mark("f", 200.0, 1.0, 2.0))
    state = State(0.0, {"a": (two,), "b": (Holding(2, "h", 1),)}, {}, {})
    grown = handed([state], 7, "a", "b")
    told = [one.story[7] for one in grown]
    assert told == [
        (),
        (("a", "g", -1), ("b", "g", 1)),
        (("b", "h", -1), ("a", "h", 1)),
    ]
    assert [sum(one.units for held in s.carts.values() for one in held) for s in grown] == [3] * 3
    assert grown[0].log_weight > grown[1].log_weight == grown[2].log_weight
    assert grown[1].carts["a"] == (two.less(1),)


def test_empty_hands_hand_nothing_over():
    assert handed([State(0.0, {"a": (), "b": ()}, {}, {})], 7, "a", "b") == []
