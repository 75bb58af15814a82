"""The session cuts what it reads into messages, wherever the reads end, and answers in bulk."""

from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode

from service.session import KEPT_BYTES, MOST_BODY_BYTES, READ_BYTES, Delivery, Session, _publish

OWN = "openaisle/s/journaled/"


def session(found: list[Delivery]) -> Session:
    return Session(
        "engine", take=found.extend, has_room=lambda: True, own_topics=OWN, clock_ns=lambda: 7
    )


def with_qos_1(topic: bytes, mid: int, body: bytes) -> bytes:
    """A PUBLISH packet of QoS 1, its length coded as the standard's section 2.2.3 has it."""
    rest = len(topic).to_bytes(2) + topic + mid.to_bytes(2) + body
    length, coded = len(rest), b""
    while True:
        length, digit = divmod(length, 128)
        coded += bytes([digit | 0x80 if length else digit])
        if not length:
            return b"\x32" + coded + rest


topics = st.sampled_from(["openaisle/s/weight/a", "tele/scale/SENSOR", "ä/ö"])
bodies = st.one_of(st.binary(max_size=300), st.integers(16_000, 40_000).map(lambda n: b"x" * n))
messages = st.lists(st.tuples(topics, bodies, st.booleans(), st.integers(1, 65_535)), max_size=8)


@given(messages, st.lists(st.integers(1, 5000), min_size=1))
@settings(max_examples=60, deadline=None)
def test_messages_are_the_same_wherever_the_reads_end(said, lengths):
    stream = b"".join(
        with_qos_1(topic.encode(), mid, body) if sure else _publish(topic.encode(), body)
        for topic, body, sure, mid in said
    )
    stream += b"\xd0\x00"  # a PINGRESP among them is paho's
    found: list[Delivery] = []
    reader = session(found)
    at = n = 0
    while at < len(stream):
        length = lengths[n % len(lengths)]
        assert reader._cut(stream[at : at + length]) == MQTTErrorCode.MQTT_ERR_SUCCESS
        at, n = at + length, n + 1
    assert found == [
        Delivery(7, topic, body, 0, mid if sure else 0, int(sure))
        for topic, body, sure, mid in said
    ]
    assert reader._rest == b""


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(max_examples=300, deadline=None)
def test_no_bytes_of_a_broker_upset_the_reader(noise, length):
    found: list[Delivery] = []
    reader = session(found)
    for at in range(0, len(noise), length):
        if reader._cut(noise[at : at + length]):
            break
    assert sum(len(one.body) for one in found) <= len(noise)
    assert len(reader._rest) <= len(noise)


def test_a_message_that_is_too_long_is_skipped_but_for_its_beginning():
    found: list[Delivery] = []
    reader = session(found)
    stream = with_qos_1(b"t", 9, b"l" * (3 * MOST_BODY_BYTES)) + _publish(b"t", b"short")
    kept = 0
    for at in range(0, len(stream), READ_BYTES):
        reader._cut(stream[at : at + READ_BYTES])
        kept = max(kept, len(reader._rest))
    long, short = found
    assert (long.body, long.length, long.mid) == (b"l" * KEPT_BYTES, 3 * MOST_BODY_BYTES, 9)
    assert (short.body, short.length) == (b"short", 0)
    assert kept <= 2 * READ_BYTES


def test_what_the_engine_said_itself_is_let_fall_and_acknowledged():
    found: list[Delivery] = []
    reader = session(found)
    reader._cut(_publish(OWN.encode() + b"a", b"x") + with_qos_1(OWN.encode() + b"a", 5, b""))
    assert found == []
    assert list(reader._answers) == [(0, b"\x40\x02\x00\x05")]


def test_what_was_retained_of_devices_of_others_is_not_fresh():
    found: list[Delivery] = []
    reader = Session(
        "engine",
        take=found.extend,
        has_room=lambda: True,
        own_topics=OWN,
        is_stale_retained=lambda topic: topic == "scale",
    )
    for topic in (b"scale", b"$SYS/dropped"):
        packet = with_qos_1(topic, 5, b"x")
        reader._cut(bytes([packet[0] | 1]) + packet[1:])
    reader._cut(with_qos_1(b"scale", 6, b"fresh"))
    assert [(one.topic, one.body) for one in found] == [("$SYS/dropped", b"x"), ("scale", b"fresh")]
    assert reader.retained == 1
    assert list(reader._answers) == [(0, b"\x40\x02\x00\x05")]


def test_a_topic_that_is_not_text_is_still_a_message():
    found: list[Delivery] = []
    session(found)._cut(_publish(b"\xff\xfe", b"x"))
    assert found[0].topic == "(a topic that is not UTF-8)"


def test_answers_of_an_earlier_connection_are_let_fall():
    reader = session([])
    reader.connection = 1
    reader.acknowledge([Delivery(0, "t", b"", 1, 258, 1), Delivery(0, "t", b"", 1, 0, 0)])
    reader.connection = 2
    reader.acknowledge([Delivery(0, "t", b"", 1, 3, 1), Delivery(0, "t", b"", 2, 4, 1)])
    reader.loop_write()
    assert [packet["packet"] for packet in reader._out_packet] == [b"\x40\x02\x00\x04"]


def test_nothing_is_read_while_there_is_no_room():
    room = False
    reader = Session("e", take=lambda _: None, has_room=lambda: room, own_topics=OWN)
    read = []
    reader._sock = object()

    def receive(size: int) -> bytes:
        if len(read) == 2:
            raise BlockingIOError
        read.append(size)
        return b"\xd0\x00"

    reader._sock_recv = receive
    for _ in range(3):
        reader.loop_read()
    assert (read, reader.pauses) == ([], 1)
    room = True
    reader.loop_read()
    assert read == [READ_BYTES] * 2
    reader._sock = None


def test_answers_leave_before_the_session_does():
    reader = session([])
    reader.acknowledge([Delivery(0, "t", b"", 0, 4, 1)])
    reader._sock = object()
    reader.disconnect()
    assert [packet["packet"][0] >> 4 for packet in reader._out_packet] == [4, 14]
    reader._sock = None
