"""A camera source: dates, thinning, lateness, sizes, frozen pictures, broken frames, reconnects."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from vision.backoff import Backoff
from vision.freeze import FreezeWatch
from vision.live_source import LiveSource, SourceRules
from vision.source import Counts, Frame, SourceStatus, StreamFacts
from vision.stream import ArrayPicture, Shot, StreamError

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
RNG = np.random.default_rng(3)


def noise(width: int = 64, height: int = 48):
    return RNG.integers(0, 255, (height, width, 3), dtype=np.uint8)


class Clock:
    """A time of day that only moves when it is told to."""

    def __init__(self) -> None:
        self.now_ns = NOW

    def __call__(self) -> int:
        return self.now_ns


class Script:
    """A stream that plays a list: shots, errors, and None for its end; the clock follows."""

    recorded = False

    def __init__(self, clock: Clock, steps: list, size=(64, 48)) -> None:
        self.clock, self.steps, self.size = clock, steps, size
        self.hurried: list[bool] = []

    def open(self) -> StreamFacts:
        if self.steps and isinstance(self.steps[0], StreamError):
            raise self.steps.pop(0)
        return StreamFacts("test", *self.size, 10.0)

    def read(self) -> Shot | None:
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            self.clock.now_ns = max(self.clock.now_ns, step.received_ns)
        return step

    def hurry(self, behind: bool) -> None:
        self.hurried.append(behind)

    def close(self) -> None:
        pass


def shot(at_s: float, stamp_s: float | None = None, rgb=None, **more) -> Shot:
    picture = ArrayPicture(noise() if rgb is None else rgb)
    stamp_ns = None if stamp_s is None else round(stamp_s * SECOND)
    received_ns = NOW + round(at_s * SECOND)
    return Shot(received_ns, stamp_ns, picture=picture, **more)


def source(clock: Clock, streams: list, rules: SourceRules | None = None) -> LiveSource:
    left = iter(streams)
    backoff = Backoff(random.Random(0), first_s=0.0)
    return LiveSource("cam1", lambda: next(left), rules, backoff=backoff, clock_ns=clock)


def take(frames: Iterator[Frame], count: int) -> list[Frame]:
    return [next(frames) for _ in range(count)]


def test_a_picture_is_dated_by_the_stream_and_not_by_when_it_happened_to_come():
    clock = Clock()
    late = [0.0, 0.03, 0.4, 0.01, 0.0]  # the network's jitter
    steps = [shot(n / 10 + late[n], 50.0 + n / 10) for n in range(5)]
    frames = take(source(clock, [Script(clock, steps)]).frames(), 5)
    assert [round((f.at_ns - NOW) / 1e6) for f in frames] == [0, 100, 200, 300, 400]
    assert [f.number for f in frames] == [0, 1, 2, 3, 4]
    assert frames[2].age_ns(frames[2].received_ns) == pytest.approx(0.4 * SECOND, abs=1000)


def test_a_camera_s_own_delay_counts_to_a_picture_s_age():
    clock = Clock()
    steps = [shot(n / 10, n / 10) for n in range(3)]
    frames = take(source(clock, [Script(clock, steps)], SourceRules(delay_s=0.08)).frames(), 3)
    assert {round(f.age_ns(f.received_ns) / 1e6) for f in frames} == {80}


def test_time_stamps_that_jump_are_mapped_anew():
    clock = Clock()
    stamps = [7.0, 7.1, 7.2, 0.0, 0.1, 900.0, 900.1]
    steps = [shot(n / 10, stamp) for n, stamp in enumerate(stamps)]
    frames = take(source(clock, [Script(clock, steps)]).frames(), 7)
    assert [round((f.at_ns - NOW) / 1e6) for f in frames] == [0, 100, 200, 300, 400, 500, 600]


def test_the_camera_s_clock_counts_only_where_it_is_trusted_and_can_be_right():
    clock = Clock()
    steps = [
        shot(0.0, 0.0, wall_ns=NOW - SECOND // 5),
        shot(0.1, 0.1, wall_ns=NOW + 3600 * SECOND),
    ]
    trusted = source(clock, [Script(clock, list(steps))], SourceRules(own_clock=True))
    first, second = take(trusted.frames(), 2)
    assert first.age_ns(first.received_ns) == SECOND // 5
    assert second.at_ns == NOW + SECOND // 10
    assert "its clock is +3599.9 s off" in trusted.status.note or trusted.status.note == ""
    plain = take(source(Clock(), [Script(clock, list(steps))]).frames(), 1)
    assert plain[0].at_ns == NOW


def test_a_faster_camera_is_thinned_and_a_jittering_one_is_not():
    clock = Clock()
    fast = source(
        clock, [Script(clock, [shot(n / 25, n / 25) for n in range(100)])], SourceRules(fps=10.0)
    )
    frames = take(fast.frames(), 38)
    assert frames[-1].at_ns - frames[0].at_ns == pytest.approx(3.75 * SECOND, rel=0.05)
    assert 50 <= fast.status.counts.thinned <= 62
    clock = Clock()
    times = [n / 10 + (0.02 if n % 2 else 0.0) for n in range(40)]
    steady = source(clock, [Script(clock, [shot(t, t) for t in times])], SourceRules(fps=10.0))
    take(steady.frames(), 40)
    assert steady.status.counts.thinned == 0


def test_what_comes_too_late_is_counted_and_the_stream_hurries_until_it_is_caught_up():
    clock = Clock()
    steps = [shot(0.0, 0.0), shot(2.1, 0.1), shot(2.2, 0.2), shot(2.25, 2.2), shot(2.3, 2.3)]
    stream = Script(clock, steps)
    late = source(clock, [stream])
    frames = take(late.frames(), 3)
    assert [round((f.at_ns - NOW) / 1e8) for f in frames] == [0, 22, 23]
    assert late.status.counts.late == 2
    assert stream.hurried == [True, False]


def test_a_broken_frame_is_counted_and_skipped():
    clock = Clock()
    steps = [shot(0.0, 0.0), Shot(NOW + 1, broken="damaged"), shot(0.2, 0.2)]
    broken = source(clock, [Script(clock, steps)])
    assert len(take(broken.frames(), 2)) == 2
    assert broken.status.counts.broken == 1
    assert broken.status.state == "up"


def test_another_size_of_the_same_shape_is_scaled_and_said():
    clock = Clock()
    large = source(
        clock, [Script(clock, [shot(0.0, 0.0, noise(128, 96))])], SourceRules(size_px=(64, 48))
    )
    frame = next(large.frames())
    assert frame.rgb.shape == (48, 64, 3)
    assert large.status.counts.scaled == 1
    assert large.status.note == "sends 128×96 pixels, calibrated for 64×48: scaled"
    assert large.status.facts == StreamFacts("test", 128, 96, 10.0)


def test_another_shape_is_refused_until_it_is_right_again():
    clock = Clock()
    steps = [shot(n / 10, n / 10, noise(64, 36)) for n in range(3)] + [shot(0.4, 0.4)]
    wrong = source(clock, [Script(clock, steps)], SourceRules(size_px=(64, 48)))
    seen: list[str] = []
    frames = wrong.frames()
    frame = next(frames)
    assert frame.at_ns == NOW + 4 * SECOND // 10
    assert wrong.status.counts.refused == 3
    assert wrong.status.state == "up"
    del seen
    again = source(
        clock,
        [Script(clock, [shot(1, 1, noise(64, 36)), StreamError("gone")])],
        SourceRules(size_px=(64, 48)),
    )
    again.status.state = "up"
    with pytest.raises((StopIteration, RuntimeError)):  # the script has no second stream
        next(again.frames())
    assert again.status.counts.refused == 1


def test_a_wrong_shape_is_named_in_the_reason():
    clock = Clock()
    reasons = []

    class Watching(Script):
        def read(self) -> Shot | None:
            reasons.append(wrong.status.reason)
            return super().read()

    steps = [shot(0, 0, noise(64, 36)), shot(0.1, 0.1)]
    wrong = source(clock, [Watching(clock, steps)], SourceRules(size_px=(64, 48)))
    next(wrong.frames())
    assert reasons[1] == (
        "sends 64×36 pixels, calibrated for 64×48: another shape; set the camera to the "
        "calibrated one"
    )


def test_a_lost_stream_is_opened_again_with_its_reason_told():
    clock = Clock()
    reasons = []

    class Watching(Script):
        def open(self) -> StreamFacts:
            reasons.append((lost.status.state, lost.status.reason))
            return super().open()

    first = Watching(clock, [StreamError("rtsp://cam: nothing listens there")])
    second = Watching(clock, [shot(0, 0), StreamError("rtsp://cam: it does not answer in time")])
    third = Watching(clock, [shot(1, 9.0)])
    lost = source(clock, [first, second, third])
    frames = take(lost.frames(), 2)
    assert [f.number for f in frames] == [0, 1]
    assert reasons == [
        ("opening", ""),
        ("down", "rtsp://cam: nothing listens there; next try in 0.0 s"),
        ("down", "rtsp://cam: it does not answer in time; next try in 0.0 s"),
    ]
    assert (lost.status.counts.opened, lost.status.counts.failed) == (2, 2)
    assert lost.status.state == "up"


def test_waits_grow_to_a_limit_differ_and_begin_anew_after_success():
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s() for _ in range(12)]
    for number, wait_s in enumerate(waits):
        whole = min(30.0, 0.5 * 2**number)
        assert 0.7 * whole <= wait_s <= 1.3 * whole
    assert len({round(w, 6) for w in waits[-4:]}) == 4
    assert backoff.wait_s(held_s=9.0) > 20
    assert backoff.wait_s(held_s=11.0) < 1


def test_the_same_picture_again_and_again_is_frozen_and_noise_is_not():
    rng = np.random.default_rng(0)
    still = rng.integers(20, 230, (96, 128, 3)).astype(np.int16)
    watch = FreezeWatch(after_s=10.0)
    live = [
        watch.look(
            n * SECOND // 10,
            np.clip(still + rng.normal(0, 0.5, still.shape), 0, 255).round().astype(np.uint8),
        )
        for n in range(130)
    ]
    assert not any(live)
    frozen = [watch.look((130 + n) * SECOND // 10, still.astype(np.uint8)) for n in range(130)]
    assert frozen.index(True) == 100
    assert all(frozen[100:])
    assert not watch.look(27 * SECOND, noise(128, 96))


def test_a_frozen_camera_says_so_and_is_well_again_with_the_next_new_picture():
    clock = Clock()
    still = noise()
    steps = [shot(n, n, still) for n in range(14)] + [shot(14, 14)]
    frozen = source(clock, [Script(clock, steps)])
    states = [(frozen.status.state, frozen.status.reason) for _ in take_each(frozen, 15)]
    assert [state for state, _ in states] == ["up"] * 10 + ["frozen"] * 4 + ["up"]
    assert states[12][1] == "the same picture for 10 s or longer"


def take_each(one: LiveSource, count: int) -> Iterator[Frame]:
    frames = one.frames()
    for _ in range(count):
        yield next(frames)


def test_silence_is_a_stall():
    status = SourceStatus(state="up", last_received_ns=NOW, counts=Counts())
    assert status.health(NOW + SECOND) == ("up", "")
    assert status.health(NOW + 7 * SECOND) == ("stalled", "no new picture for 7 s")


class Film(Script):
    recorded = True

    def __init__(self, clock: Clock, steps: list, length_s: float = 0.0) -> None:
        super().__init__(clock, steps)
        self.length_s = length_s

    def open(self) -> StreamFacts:
        return StreamFacts("test", *self.size, 10.0, self.length_s)


def test_a_recording_plays_in_its_own_time_and_ends():
    clock = Clock()
    steps = [shot(0, 5.0 + n / 10) for n in range(4)]
    film = source(clock, [Film(clock, steps)], SourceRules(real_time=False, start_ns=NOW))
    frames = list(film.frames())
    assert [round((f.at_ns - NOW) / 1e6) for f in frames] == [0, 100, 200, 300]
    assert all(f.age_ns(f.received_ns) == 0 for f in frames)
    assert (film.status.state, film.status.reason) == ("down", "the recording has ended")


def test_a_recording_that_loops_goes_on_in_time():
    clock = Clock()
    rules = SourceRules(real_time=False, start_ns=NOW, loop=True)
    films = [Film(clock, [shot(0, n / 10) for n in range(3)]) for _ in range(2)]
    frames = take(source(clock, films, rules).frames(), 6)
    assert [round((f.at_ns - NOW) / 1e6) for f in frames] == [0, 100, 200, 300, 400, 500]


def test_a_looping_recording_that_begins_too_late_joins_in_its_present_round():
    clock = Clock()
    clock.now_ns = NOW + round(100.05 * SECOND)  # its process was started again
    rules = SourceRules(start_ns=NOW, loop=True)
    films = [Film(clock, [shot(0, n / 10) for n in range(3)], length_s=0.3) for _ in range(2)]
    frames = take(source(clock, films, rules).frames(), 3)
    assert [round((f.at_ns - NOW) / 1e6) for f in frames] == [99_900, 100_000, 100_100]


def test_a_recording_of_a_wrong_shape_says_so_at_its_end():
    clock = Clock()
    film = Film(clock, [shot(0, 0, noise(30, 30))])
    tall = source(clock, [film], SourceRules(size_px=(64, 48), real_time=False))
    assert list(tall.frames()) == []
    assert tall.status.reason.startswith("the recording has ended; it sends 30×30 pixels, calib")


def test_a_clock_that_is_set_back_stops_nothing():
    clock = Clock()
    ahead = source(
        clock,
        [
            Script(clock, [shot(0.0), shot(0.1)]),
        ],
    )
    frames = ahead.frames()
    first = next(frames)
    clock.now_ns = NOW - 600 * SECOND
    ahead.status.last_at_ns = first.at_ns

    def back() -> int:
        return NOW - 600 * SECOND

    ahead._clock_ns = back
    ahead._rules = SourceRules(late_after_s=1e6)
    assert next(frames).number == 1
