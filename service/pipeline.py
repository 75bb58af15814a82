"""From journal entries to cart events: decode, step detection, codes, timeline, engine.

A pipeline is a pure function of the entries fed to it: the same entries give the same events,
whether they come from a live store, a simulation or a recording. It can be pickled.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from cart.events import Event
from cart.profile import Profiles
from fusion.engine import Engine
from fusion.timeline import Timeline
from sensors.antenna_gate import GateReads
from sensors.clocks import Clocks
from sensors.codes import CodeRefused, CodeVerifier
from sensors.decode import Decoder, gain_of
from sensors.foreign import Foreign
from sensors.foreign_feed import ForeignFeed
from sensors.held_plates import FOREIGN_BOOT
from sensors.in_order import InOrder
from sensors.observations import (
    CameraCondition,
    CodeScanned,
    DeviceHealth,
    GateCrossing,
    HandPoint,
    Observation,
    PlanogramChanged,
    ProductSighting,
    ReviewDecided,
    StockCounted,
    TagRead,
    Tick,
    TrackletLink,
    TrackPoint,
)
from sensors.store import Store
from sensors.tag_presence import TagPresences
from sensors.weight import StepDetector
from sensors.wire import (
    BarrierCrossed,
    Calibration,
    CameraReport,
    CodeShown,
    Count,
    HealthReport,
    Payload,
    Planogram,
    TagReads,
    Verdict,
    VisionReport,
    WeightBatch,
)
from service.records import TICK, Entry

NS = 1_000_000_000


TICK_EVERY_NS = 250_000_000
FOREIGN_LULL_NS = 2 * NS  # a reader of others that is silent for longer may not have listened
SHELF_SILENT_NS = 5 * NS
WAITED_SHARE = 0.9  # of the lateness: what overtook others is read before its time is over


def silence_after(end_ns: int, store: Store) -> list[tuple[int, str, bytes]]:
    """Ticks after the last message of a finite source, until every deadline has passed."""
    policy = store.policy
    seconds = policy.lateness_s + policy.receipt_grace_s + 1.0
    count = math.ceil(seconds * NS / TICK_EVERY_NS)
    return [(end_ns + n * TICK_EVERY_NS, TICK, b"") for n in range(1, count + 1)]


class Pipeline:
    """Turns entries into events; `profiles` are what is known of shoppers from before."""

    def __init__(self, store: Store, code_key: str, profiles: Profiles | None = None) -> None:
        self._decoder = Decoder(store)
        self._foreign = ForeignFeed(store)
        self._detectors = {
            shelf.id: StepDetector(shelf.id, shelf.plate_count)
            for gondola in store.gondolas
            for shelf in gondola.shelves
        }
        self._presences = TagPresences([a.id for a in store.antennas if a.kind == "shelf"])
        self._gate_reads = GateReads(
            {gate.id: gate.centre_m for gate in store.gates},
            {a.id: a.gate for a in store.antennas if a.gate is not None},
        )
        self._verifier = CodeVerifier(code_key, store.id)
        self._clocks = Clocks()
        self._timeline = Timeline(round(store.policy.lateness_s * NS))
        self._in_order = InOrder(round(WAITED_SHARE * store.policy.lateness_s * NS))
        self._listener: Callable[[Observation], None] | None = None
        self._weighed_ns = dict.fromkeys(self._detectors, 0)  # when a shelf was last heard
        self._silent: set[str] = set()
        self._began_ns = 0
        self.engine = Engine(store, profiles=profiles)

    def listen(self, listener: Callable[[Observation], None] | None) -> None:
        """Show every released observation to `listener` (a live page) before the engine has it."""
        self._listener = listener

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_listener": None}

    def feed(self, entry: Entry) -> list[Event]:
        """Take the next entry of the journal; the events that it brings about."""
        events: list[Event] = []
        for ours in self._foreign.due(entry.received_ns):
            events += self._observe(ours, entry.received_ns)
        if entry.topic != TICK:
            payload = entry.payload or self._decoder.decode(entry.topic, entry.body)
            if isinstance(payload, Foreign):
                for ours in self._foreign.take(payload, entry.received_ns):
                    events += self._observe(ours, entry.received_ns)
            else:
                for arrived in self._in_order.take(payload, entry.received_ns):
                    events += self._observe(*arrived)
        for arrived in self._in_order.overdue(entry.received_ns):
            events += self._observe(*arrived)
        self._notice_silence(entry.received_ns)
        events += self._step(self._timeline.release(entry.received_ns))
        if entry.topic == TICK:
            events += self._step([Tick(at_ns=self._timeline.now_ns)])
        return events

    def _notice_silence(self, received_ns: int) -> None:
        """A shelf that says nothing while others do is down, whether or not it ever spoke."""
        if self._weighed_ns and not self._began_ns:
            self._began_ns = received_ns
        silent = {
            shelf
            for shelf, heard_ns in self._weighed_ns.items()
            if received_ns - max(heard_ns, self._began_ns) > SHELF_SILENT_NS
        }
        if silent == self._silent or len(silent) == len(self._weighed_ns):
            return
        for shelf in sorted(silent ^ self._silent):
            reason = f"no weights for {SHELF_SILENT_NS // NS} s" if shelf in silent else ""
            self._timeline.push(
                DeviceHealth(at_ns=received_ns, device=shelf, up=not reason, reason=reason)
            )
        self._silent = silent

    def _step(self, observations: list[Observation]) -> list[Event]:
        events: list[Event] = []
        for observation in (
            one for heard in observations for one in (*self._gate_reads.take(heard), heard)
        ):
            if self._listener is not None:
                self._listener(observation)
            try:
                events += self.engine.step(observation)
            except Exception as error:
                events += self.engine.stumble(observation, error)
        return events

    def _observe(self, payload: Payload, received_ns: int) -> list[Event]:
        at_ns = received_ns
        if payload.at_ns or not isinstance(payload, HealthReport):  # else it is a last will
            at_ns = self._clocks.correct(payload.device, payload.boot, payload.at_ns, received_ns)
        push = self._timeline.push
        match payload:
            case WeightBatch():
                shift = at_ns - payload.at_ns
                end_ns = at_ns + len(payload.grams) * payload.period_ns
                for step in self._detectors[payload.device].feed(payload, shift):
                    push(self._foreign.dated(payload.device, step))
                self._timeline.heard(payload.device, end_ns, received_ns)
                self._weighed_ns[payload.device] = received_ns
            case VisionReport():
                for observation in _seen(payload, at_ns):
                    push(observation)
                self._timeline.heard(payload.device, at_ns, received_ns)
            case TagReads():
                for read in payload.reads:
                    push(
                        TagRead(
                            at_ns=at_ns + read.offset_ns,
                            antenna=payload.device,
                            epc=read.epc,
                            rssi_dbm=read.rssi_dbm,
                        )
                    )
                foreign = payload.boot == FOREIGN_BOOT  # says nothing where it read nothing
                lull_ns = FOREIGN_LULL_NS if foreign else 0
                for change in self._presences.feed(payload, at_ns - payload.at_ns, lull_ns):
                    push(change)
                if not foreign:
                    self._timeline.heard(payload.device, at_ns + payload.span_ns, received_ns)
            case CodeShown():
                try:
                    admitted = self._verifier.verify(payload.code, at_ns)
                except CodeRefused as refusal:
                    return [self.engine.refuse(at_ns, payload.device, str(refusal))]
                push(
                    CodeScanned(
                        at_ns=at_ns,
                        gate=payload.device,
                        shopper=admitted.shopper,
                        group_size=payload.group_size,
                        staff=admitted.staff,
                    )
                )
            case BarrierCrossed():
                push(GateCrossing(at_ns=at_ns, gate=payload.device, direction=payload.direction))
            case HealthReport():
                push(
                    DeviceHealth(
                        at_ns=at_ns,
                        device=payload.device,
                        up=payload.up,
                        reason=payload.reason,
                        camera=_condition(payload),
                    )
                )
            case Verdict():
                lines = payload.lines
                push(
                    ReviewDecided(
                        at_ns=at_ns,
                        review=payload.review,
                        lines=None if lines is None else tuple(lines),
                        actor=payload.actor,
                    )
                )
            case Count():
                push(
                    StockCounted(
                        at_ns=at_ns, facing=payload.facing, units=payload.units, actor=payload.actor
                    )
                )
            case Planogram():
                push(
                    PlanogramChanged(
                        at_ns=at_ns,
                        facing=payload.facing,
                        gtin=payload.gtin,
                        units=payload.units,
                        actor=payload.actor,
                    )
                )
            case Calibration():
                self._detectors[payload.shelf].calibrate(payload.plate, gain_of(payload))
        return []


def _condition(health: HealthReport) -> CameraCondition | None:
    said = health.camera
    if not isinstance(said, CameraReport):
        return None
    return CameraCondition(
        state=said.state,
        fps=said.fps,
        age_ms=said.age_ms,
        frames=said.frames,
        dropped=said.dropped,
        late=said.late,
        broken=said.broken,
        size_px=(said.width_px, said.height_px),
        note=said.note,
    )


def _seen(report: VisionReport, at_ns: int) -> list[Observation]:
    links = [
        TrackletLink(
            at_ns=at_ns,
            earlier=link.earlier,
            later=link.later,
            log_likelihood_ratio=link.log_likelihood_ratio,
        )
        for link in report.links
    ]
    points = [
        TrackPoint(
            at_ns=at_ns,
            tracklet=track.tracklet,
            x_m=track.x_m,
            y_m=track.y_m,
            covariance=track.covariance,
            vx_m_s=track.vx_m_s,
            vy_m_s=track.vy_m_s,
        )
        for track in report.tracks
    ]
    hands = [
        HandPoint(
            at_ns=at_ns,
            tracklet=hand.tracklet,
            side=hand.side,
            x_m=hand.x_m,
            y_m=hand.y_m,
            z_m=hand.z_m,
            sigma_m=hand.sigma_m,
            views=hand.views,
            occluded=hand.occluded,
            covariance=hand.covariance,
        )
        for hand in report.hands
    ]
    shift = at_ns - report.at_ns
    sightings = [
        ProductSighting(
            at_ns=at_ns,
            tracklet=sighting.tracklet,
            side=sighting.side,
            moment=sighting.moment,
            scores=tuple(sighting.scores),
            unknown=sighting.unknown,
            crops=sighting.crops,
            began_ns=sighting.began_ns + shift,
            ended_ns=sighting.ended_ns + shift,
        )
        for sighting in report.sightings
    ]
    return [*links, *points, *hands, *sightings]
