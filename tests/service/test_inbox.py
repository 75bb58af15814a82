"""The inbox: bounded in messages and bytes, in order, and patient only as long as it is told."""

import threading
import time

from service.inbox import Inbox
from service.session import Delivery


def delivery(n: int, size: int = 10) -> Delivery:
    return Delivery(n, "t", b"x" * size, 1, n, 1)


def test_what_is_put_comes_out_in_order_and_in_portions():
    inbox = Inbox()
    inbox.put([delivery(n) for n in range(5)])
    inbox.put([delivery(5)])
    taken = [inbox.take(0.0, 0.0, 4), inbox.take(0.0, 0.0, 4), inbox.take(0.0, 0.0, 4)]
    assert [[one.mid for one in some] for some in taken] == [[0, 1, 2, 3], [4, 5], []]


def test_it_is_full_by_messages_or_by_bytes_and_has_room_again():
    by_count, by_bytes = Inbox(most_messages=3), Inbox(most_bytes=10_000)
    for inbox, fill in (
        (by_count, [delivery(n) for n in range(3)]),
        (by_bytes, [delivery(1, 9900)]),
    ):
        assert inbox.has_room()
        inbox.put(fill)
        assert not inbox.has_room()
        inbox.take(0.0, 0.0, 10)
        assert inbox.has_room()
    assert by_count.fullest_messages == 3
    assert 9900 < by_bytes.fullest_bytes < 11_000


def test_bytes_are_given_back_by_parts():
    inbox = Inbox(most_bytes=3000)
    inbox.put([delivery(n, 1000) for n in range(3)])
    inbox.take(0.0, 0.0, 1)
    assert inbox.has_room()
    inbox.put([delivery(3, 1000)])
    assert not inbox.has_room()


def test_closing_wakes_who_waits():
    inbox = Inbox()
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(inbox.take(300.0, 300.0, 10)))
    waiting.start()
    time.sleep(0.05)
    inbox.put([delivery(1)])
    inbox.close()
    waiting.join(60.0)
    assert not waiting.is_alive()
    assert [len(some) for some in taken] == [1]
