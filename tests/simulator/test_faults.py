"""Faults: what a line of them means, and which lines are refused with which words."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from sensors.store import StoreFileError, load_store
from simulator.faults import RULES, Fault, Kind, cameras_out, check_faults, moments, parse_fault

PAGE = Path(__file__).parents[2] / "docs/faults.md"
STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")


def test_every_kind_has_its_rule():
    assert set(RULES) == set(get_args(Kind))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("plate-dead:g1s2.4@10-30", Fault(kind="plate-dead", target="g1s2.4", from_s=10, to_s=30)),
        ("message-loss:*:0.01", Fault(kind="message-loss", value=0.01)),
        (
            "plate-spike:g1s1.3:400@5",
            Fault(kind="plate-spike", target="g1s1.3", value=400, from_s=5),
        ),
        ("tags-unreadable:0.3", Fault(kind="tags-unreadable", value=0.3)),
        ("broker-restart@30.5", Fault(kind="broker-restart", from_s=30.5)),
        ("clock-offset:g1s1:-3@2-", Fault(kind="clock-offset", target="g1s1", value=-3, from_s=2)),
    ],
)
def test_the_short_form_says_what_the_long_one_says(text, fault):
    assert parse_fault(text) == fault
    assert parse_fault(str(fault)) == fault


def test_what_has_no_target_may_say_so():
    assert parse_fault("tags-unreadable:*:0.3") == parse_fault("tags-unreadable:0.3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plate-deed:g1s1.1", "no fault 'plate-deed'; known: plate-dead"),
        ("plate-dead", "needs a target: a plate"),
        ("plate-dead:g1s1.1:3", "takes no value; found 3"),
        ("message-loss:*", "expected a share from 0 to 1; found none"),
        ("message-loss:*:2", "expected a share from 0 to 1; found 2"),
        ("message-loss:*:much", "value: Input should be a valid number"),
        ("message-loss:*:nan", "value: Input should be a finite number"),
        ("engine-kill", "strikes once: expected from_s and no to_s"),
        ("plate-spike:g1s1.1:100@3-5", "strikes once: expected from_s and no to_s"),
        ("shelf-silent:g1@5-3", "to_s: expected more than from_s, 5"),
        ("shelf-silent:g1@soon", "expected kind:target"),
        ("message-loss:*:0.1:0.2", "'0.2' after the value"),
    ],
)
def test_a_fault_that_makes_no_sense_is_one_clear_line(text, words):
    with pytest.raises(StoreFileError) as refused:
        parse_fault(text)
    assert str(refused.value).startswith(f"--fault {text!r}: ")
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plate-dead:g9s1.1", "no shelf 'g9s1'; closest: g"),
        ("plate-dead:g1s1.13", "shelf g1s1 has plates 1 to 12; found 13"),
        ("plate-dead:g1s1", "expected shelf.plate, as g1s1.1; found 'g1s1'"),
        ("shelf-silent:gate-in", "no shelf or gondola 'gate-in'"),
        ("camera-out:cam9", "no camera 'cam9'; closest: cam"),
        ("message-loss:gate-on:0.1", "no device 'gate-on'; closest: gate-"),
        ("rfid-silent:rfid-g1", "no antenna 'rfid-g1'; closest: rfid-g3"),
        ("ghost-reads:rfid-g3:2", "no antenna of a gate 'rfid-g3'; closest: rfid-out"),
    ],
)
def test_a_target_that_the_store_has_not_is_named(text, words):
    (line,) = check_faults([parse_fault("plate-dead:g1s1.1"), parse_fault(text)], STORE)
    assert line.startswith(f"faults[1]({text.partition(':')[0]}): target: ") and words in line


def test_targets_that_the_store_has():
    texts = ["shelf-silent:g1", "message-loss:vision:0.1", "clock-drift:gate-in:50", "camera-out:*"]
    assert check_faults([parse_fault(text) for text in texts], STORE) == []


def test_cameras_are_out_for_a_while():
    faults = [parse_fault("camera-out:cam2@10-30"), parse_fault("camera-out:*@20-22")]
    cameras = [camera.id for camera in STORE.cameras]
    assert cameras_out(faults, cameras, 9.9) == set()
    assert cameras_out(faults, cameras, 10) == {"cam2"}
    assert cameras_out(faults, cameras, 21) == set(cameras)
    assert cameras_out(faults, cameras, 22) == {"cam2"}
    assert cameras_out(faults, cameras, 30) == set()


def test_moments_come_in_order():
    faults = [parse_fault(t) for t in ("engine-kill@9", "broker-restart@1", "engine-kill@3")]
    assert moments(faults, "engine-kill") == [3, 9]


def test_the_page_has_every_kind_in_both_forms():
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| `([^`]+)` \|$", page, re.MULTILINE)
    short = [parse_fault(text) for _, text in rows]
    assert [fault.kind for fault in short] == [kind for kind, _ in rows] == list(RULES)
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [Fault.model_validate(f) for f in yaml.safe_load(block)["faults"]] == short
    assert check_faults(short, STORE) == []
    assert all(f"| `{key}` |" in page for key in Fault.model_fields)
