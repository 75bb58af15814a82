"""Links between tracklets: a track that went astray, and the new one on its person."""

import numpy as np

from sensors.store import Floor
from vision.appearance import COLOURS
from vision.links import LinkFinder, Trace
from vision.site import Site

SITE = Site(
    Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=8.0, y_max_m=6.0), (), np.array([[1.0, 0.0]]), ()
)
S = 1_000_000_000


def trace(name: str, born_s: float, seen_s: float, x_m: float) -> Trace:
    return Trace(
        name,
        round(born_s * S),
        round(seen_s * S),
        np.array([x_m, 4.0, 0.0, 0.0]),
        0.01 * np.eye(4),
        np.full(COLOURS, 0.5),
    )


def test_a_new_track_takes_over_from_one_that_went_astray_beside_it() -> None:
    links = LinkFinder(SITE)
    assert not links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [trace("old", 0, 11, 4.3)])
    strayed = trace("old", 0.0, 12.0, 6.5)
    (link,) = links.on_lost(13 * S, strayed, [trace("new", 10.0, 13.0, 3.0)])
    assert (link.earlier, link.later) == ("old", "new")
    assert link.log_likelihood_ratio > 2.0
    assert not links.on_lost(13 * S, strayed, [trace("new", 10.0, 13.0, 3.0)])


def test_who_was_seen_beside_somebody_for_long_is_somebody_else() -> None:
    links = LinkFinder(SITE)
    links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [trace("old", 0, 11, 4.3)])
    assert not links.on_lost(16 * S, trace("old", 0, 15, 4.3), [trace("new", 10.0, 16.0, 4.0)])


def test_a_new_track_far_from_one_that_ends_is_no_link() -> None:
    links = LinkFinder(SITE)
    links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [])
    assert not links.on_lost(13 * S, trace("old", 0, 12, 4.3), [trace("new", 10.0, 13.0, 4.0)])
