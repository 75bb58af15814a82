"""Confirmations: each settled message is told of, but not each by itself."""

from hypothesis import given
from hypothesis import strategies as st

from service.confirmations import AT_MOST, EVERY_S, Confirmations
from service.progress import Confirmation, MessageId, Progress


class Settled:
    """What is settled, by device and boot."""

    def __init__(self) -> None:
        self.progress: dict[tuple[str, str], Progress] = {}

    def add(self, *identities: MessageId) -> None:
        for one in identities:
            self.progress.setdefault((one.device, one.boot), Progress()).add(one.seq)

    def run(self, identity: MessageId) -> Confirmation | None:
        run = self.progress[identity.device, identity.boot].run_of(identity.seq)
        return run and Confirmation(identity.device, identity.boot, seq=run[1], first=run[0])


def test_the_first_is_told_at_once_and_the_next_after_a_while():
    settled = Settled()
    confirmations = Confirmations(settled.run)
    told = []
    for n in range(10):
        settled.add(MessageId("a", "b", n))
        confirmations.note([MessageId("a", "b", n), None])
        told.append([one.seq for one in confirmations.due(n * EVERY_S / 4)])
    assert told == [[0], [], [], [], [4], [], [], [], [8], []]
    assert [one.seq for one in confirmations.due(100.0)] == [9]
    assert confirmations.due(200.0) == []


def test_many_are_told_at_once():
    settled = Settled()
    confirmations = Confirmations(settled.run)
    settled.add(MessageId("a", "b", 0))
    confirmations.note([MessageId("a", "b", 0)])
    confirmations.due(0.0)
    burst = [MessageId("a", "b", n) for n in range(1, AT_MOST + 1)]
    settled.add(*burst)
    confirmations.note(burst[:-1])
    assert confirmations.due(0.0) == []
    confirmations.note(burst[-1:])
    assert confirmations.due(0.0) == [Confirmation("a", "b", seq=AT_MOST)]


@given(st.lists(st.lists(st.integers(0, 40), max_size=10), max_size=10))
def test_every_settled_message_is_covered_in_the_end(batches):
    settled = Settled()
    confirmations = Confirmations(settled.run)
    covered: set[int] = set()
    for n, batch in enumerate(batches):
        settled.add(*(MessageId("a", "b", seq) for seq in batch))
        confirmations.note([MessageId("a", "b", seq) for seq in batch])
        for one in confirmations.due(n * EVERY_S / 3):
            covered |= set(range(one.first, one.seq + 1))
    for one in confirmations.due(1000.0):
        covered |= set(range(one.first, one.seq + 1))
    assert covered == {seq for batch in batches for seq in batch}
