"""The numbers of the box tracker: one set for every camera, frame rate and size of picture."""

from __future__ import annotations

from typing import NamedTuple


class BoxSettings(NamedTuple):
    """Lifetimes in seconds, walking in metres, pictures in box heights, so that a set holds at
    any frame rate and resolution. Tuned on MOT15 only (docs/tracking.md)."""

    # which detections count
    least_score: float = 0.1  # below: not looked at
    sure_score: float = 0.5  # from here a detection may find any track; below only a seen one
    birth_score: float = 0.7  # from here one that no track explains begins a track
    # motion: see vision.box_filter
    person_m: float = 1.7
    depth: float = 0.5
    wander_m: float = 0.255  # per √s: how a detected box dances around its walker
    drift_m_s: float = 1.7  # per √s: how a walker's speed changes
    start_m_s: float = 2.55
    size_wander: float = 0.045
    size_drift: float = 0.3
    size_start: float = 0.45
    place_sigma: float = 0.05
    size_sigma: float = 0.05
    robust: float = 2.0
    coast_s: float = 5.0
    # likeness: see vision.box_association
    height_power: float = 0.5
    motion_share: float = 0.1
    motion_width: float = 4.0
    score_share: float = 1.0
    sure_limit: float = 0.8
    doubtful_limit: float = 0.5
    tentative_limit: float = 0.7
    # the camera's own motion
    camera_least: float = 3
    camera_reach: float = 3.0
    camera_doubt: float = 0.5
    camera_zoom: float = 0.3
    # lives
    confirm_hits: float = 2
    lost_s: float = 1.0
    tentative_s: float = 0.0
    shown_s: float = 0.04
