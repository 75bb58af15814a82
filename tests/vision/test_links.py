"""Links between tracklets: walked on, or astray beside the new one on its person."""

from __future__ import annotations

import numpy as np

from sensors.store import Floor
from vision.appearance import COLOURS
from vision.links import LinkFinder, Trace
from vision.site import Site

SITE = Site(
    Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=8.0, y_max_m=6.0), (), np.array([[1.0, 0.0]]), ()
)
S = 1_000_000_000


def trace(
    name: str,
    born_s: float,
    seen_s: float,
    x_m: float,
    way_m: tuple[float, ...] = (),
    grey: float = 0.5,
) -> Trace:
    """Somebody at (`x_m`, 4), who was at (way, 4) so many seconds ago, the last place now."""
    way = [(x, 4.0, float(len(way_m) - 1 - i)) for i, x in enumerate(way_m)] or [(x_m, 4.0, 0.0)]
    return Trace(
        name,
        round(born_s * S),
        round(seen_s * S),
        np.array([x_m, 4.0, 0.0, 0.0]),
        0.01 * np.eye(4),
        np.full(COLOURS, grey),
        np.array(way),
    )


def test_who_was_lost_nearby_is_likelier_than_who_was_lost_far_off() -> None:
    links = LinkFinder(SITE)
    links.on_lost(10 * S, trace("near", 0.0, 10.0, 4.3), [])
    links.on_lost(10 * S, trace("far", 0.0, 10.0, 7.5), [])
    links.on_lost(10 * S, trace("near, dressed unlike", 0.0, 10.0, 4.3, grey=0.9), [])
    found = links.on_confirmed(11 * S, trace("new", 10.6, 11.0, 4.0), [])
    ratio = {link.earlier: link.log_likelihood_ratio for link in found}
    assert ratio["near"] > 2.0
    assert (
        ratio["near"] > max(ratio.get("far", -9.0), ratio.get("near, dressed unlike", -9.0)) + 2.0
    )


def test_a_new_track_takes_over_from_one_that_went_astray_beside_it() -> None:
    links = LinkFinder(SITE)
    astray = trace("old", 0.0, 11.0, 5.5, way_m=(4.0, 4.1, 5.0, 5.5))
    assert not links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [astray])
    ended = trace("old", 0.0, 12.0, 6.5)
    (link,) = links.on_lost(13 * S, ended, [trace("new", 10.0, 13.0, 3.0)])
    assert (link.earlier, link.later) == ("old", "new")
    assert link.log_likelihood_ratio > 0.5
    assert not links.on_lost(13 * S, ended, [trace("new", 10.0, 13.0, 3.0)])


def test_the_longer_two_were_there_at_once_the_less_likely_are_they_one() -> None:
    def told(seen_s: float) -> list[float]:
        links = LinkFinder(SITE)
        links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [trace("old", 0, 11, 4.3)])
        ended = trace("old", 0.0, seen_s, 6.5)
        found = links.on_lost(20 * S, ended, [trace("new", 10.0, 20.0, 4.0)])
        return [link.log_likelihood_ratio for link in found]

    (after_1_s,), (after_3_s,) = told(11.0), told(13.0)
    assert after_3_s < after_1_s - 1.0
    assert not told(15.0)


def test_a_new_track_far_from_one_that_ends_is_no_link() -> None:
    links = LinkFinder(SITE)
    links.on_confirmed(11 * S, trace("new", 10.0, 11.0, 4.0), [])
    assert not links.on_lost(13 * S, trace("old", 0, 12, 4.3), [trace("new", 10.0, 13.0, 4.0)])
