"""What the engine knows of reaching hands is fitted to deeds of which the truth is known."""

from dataclasses import replace

import numpy as np

from fusion.reach import FITTED, Sighting
from sensors.observations import WeightStep
from service.fit_reach import Deed, Stacked, fit, judged

STEP = WeightStep(at_ns=2, began_ns=1, shelf="g1s1", plates=(1,), delta_g=(-1.0,), sigma_g=(1.0,))


def drawn(rng, aside_sd, did):
    """Somebody before a place, who reaches or stands by."""
    body = np.array((rng.normal(0, aside_sd if did else 0.8), rng.normal(-0.45, 0.1)))
    distance = np.hypot(body[0], 0.15 - body[1])
    up = (0.5, 0.0, 0.9) if not did else (0.6 * distance, 0.0, 0.6)
    hands = np.full((4, 2, 3), np.nan)
    hands[:, 1] = up + rng.normal(0, 0.1, 3) * np.ones((4, 1))
    return Sighting(body, np.array(0.0025), hands, np.array(0.95))


def deeds(count, seed, aside_sd=0.1):
    rng = np.random.default_rng(seed)
    return [
        Deed(
            STEP, "g1s1.1", False,
            {"v1": [drawn(rng, aside_sd, True)], "v2": [drawn(rng, aside_sd, False), None]},
            visit="v1",
        )
        for _ in range(count)
    ]  # fmt: skip


def test_the_fit_says_better_whose_unseen_deeds_were():
    wrong = replace(FITTED, aside_sd=1.0, before_sd=0.5)
    fitted = fit(deeds(600, 1), wrong)
    before, after = judged(deeds(80, 2), wrong), judged(deeds(80, 2), fitted)
    assert after["log_loss"] < 0.7 * before["log_loss"]
    assert fitted.aside_sd < 0.4
    assert fitted.exact_sd == FITTED.exact_sd


def test_chances_are_of_visits_not_of_their_persons_and_add_up():
    found = deeds(3, 3)
    true, likeliest = Stacked(found).log_chances(FITTED)
    other, _ = Stacked([replace(deed, visit="v2") for deed in found]).log_chances(FITTED)
    assert np.allclose(np.exp(true) + np.exp(other), 1.0)
    assert (likeliest >= true - 1e-12).all()
