"""The sample recording that comes along: a golden file, billed as it was when it was made."""

from pathlib import Path

import msgspec

from cart.events import Exited
from service.pipeline import Pipeline
from service.recording import Recording, replay
from simulator.truth import Truth

SAMPLE = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"


def test_the_sample_is_billed_as_the_truth_says():
    recording = Recording.open(SAMPLE)
    assert recording.facts["vision"] == "frames"
    truth = msgspec.json.decode(recording.truth or b"", type=Truth)
    bills = [event for event in replay(recording, Pipeline) if isinstance(event, Exited)]
    assert [(b.shopper, sorted(b.lines), b.review) for b in bills] == [
        (visit.shopper, sorted(visit.lines), None) for visit in truth.visits
    ]
