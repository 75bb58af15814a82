"""The bench of ingest: all that was published is journaled, and the figures add up."""

import shutil

import pytest
from typer.testing import CliRunner

from sensors.decode import Decoder
from sensors.weight import StepDetector
from sensors.wire import TagReads, WeightBatch
from service.bench_ingest import bench_ingest
from service.bench_ingest_load import (
    BATCH_NS,
    PLATES,
    READS,
    SAMPLES,
    STEP_EVERY,
    _speakers,
    bench_store,
)
from service.broker import BrokerError
from service.cli import app

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def payloads(speaker, decoder, beats):
    """What the packets of a speaker say, and that their length is right."""
    for beat, variant in enumerate(beats):
        packet = speaker.packet(variant, 10**18 + beat * BATCH_NS)
        length = (packet[1] & 0x7F) | packet[2] << 7
        assert (packet[0], len(packet)) == (0x32, length + 3)
        named = 5 + int.from_bytes(packet[3:5])
        yield decoder.decode(packet[5:named].decode(), packet[named + 2 :])


def test_the_load_is_what_shelves_and_antennas_say():
    store = bench_store(40)
    decoder = Decoder(store)
    weights, antennas = _speakers(store)
    assert (len(weights), len(antennas)) == (40, 2)
    beats = [n % 8 + 8 * (n // STEP_EVERY % 2) for n in range(2 * STEP_EVERY)]
    said = list(payloads(weights[7], decoder, beats))
    assert all(isinstance(one, WeightBatch) for one in said)
    assert {(len(one.grams), len(one.grams[0])) for one in said} == {(SAMPLES, PLATES)}
    assert [one.seq for one in said] == list(range(len(said)))
    detector = StepDetector(said[0].device, PLATES)
    steps = [step for one in said for step in detector.feed(one)]
    assert [round(sum(step.delta_g), -1) for step in steps] == [-350]
    (reads,) = payloads(antennas[1], decoder, [0])
    assert isinstance(reads, TagReads)
    assert len(reads.reads) == READS


@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto binary on this machine")
@pytest.mark.parametrize("whole", [False, True])
def test_all_that_was_published_is_journaled_and_counted(whole):
    told: list[str] = []
    (pace,) = bench_ingest([20], 1.0, told.append, whole=whole).paces
    assert told == ["20 shelves"]
    assert pace.lost == 0
    assert pace.published > 200
    assert pace.samples_per_s > 0
    assert pace.cpu == pytest.approx(sum(pace.cpu_parts.values()), abs=0.01)
    assert pace.times_bare == pytest.approx(
        pace.per_message_us * pace.messages_per_s / 1e6 / pace.cpu_bare, rel=0.5
    )


def test_without_a_mosquitto_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(BrokerError, match="apt-get install mosquitto"):
        bench_ingest([1], 1.0, lambda _: None)


def test_a_size_that_is_none_is_refused():
    done = CliRunner().invoke(app, ["bench", "ingest", "--shelves", "50,many"])
    assert done.exit_code != 0
    assert "--shelves '50,many'" in str(done.exception)
