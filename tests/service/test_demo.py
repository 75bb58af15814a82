"""The demo as a user runs it: a command, a page to look at meanwhile, an end by itself."""

import importlib.metadata
import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
OPENAISLE = [sys.executable, "-c", "from service.cli import main; main()"]


def run(*arguments, cwd=ROOT):
    return subprocess.run(
        [*OPENAISLE, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A whole demo of the short scene: what it printed, what a probe saw, where its files are."""
    folder = tmp_path_factory.mktemp("demo")
    scene = ROOT / "datasets" / "scenes" / "one-shopper.yaml"
    log = folder / "printed.txt"
    command = [*OPENAISLE, "demo", "--scene", scene, "--seed", "1", "--port", "0", "--out", folder]
    with log.open("w") as printed:
        process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, stdout=printed, stderr=printed
        )
    seen = {"carts": []}
    try:
        deadline = time.monotonic() + 180
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        url = found.group()
        with urllib.request.urlopen(url, timeout=100) as answer:
            seen["status"] = answer.status
        with connect(url.replace("http", "ws") + "ws", origin=url.rstrip("/")) as socket:
            deadline = time.monotonic() + 200
            while time.monotonic() < deadline and not seen["carts"]:
                message = socket.recv(timeout=100)
                if isinstance(message, bytes):
                    seen["picture"] = message
                    socket.send(str(message[0]))
                    continue
                carts = json.loads(message).get("carts") or []
                seen["carts"] = [c for c in carts if c["lines"]]
        process.wait(timeout=400)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode, log.read_text(), seen, folder


def test_it_ends_by_itself_with_receipt_truth_and_score(demo):
    status, printed, _, folder = demo
    assert status == 0, printed
    for part in ("Receipts", "truly taken", "Reviews", "Score", "load:", "lag"):
        assert part in printed or part.rstrip("s") in printed
    result = json.loads((folder / "score.json").read_text())
    assert result["vision"] == "frames"
    assert result["transport"] == "mqtt"
    assert result["visits"] == 1
    assert result["wrong_charges"] == 0
    assert result["load"]["dead_letters"] == 0


def test_a_probe_gets_the_page_a_picture_and_a_cart_while_it_runs(demo):
    _, printed, seen, _ = demo
    assert seen["status"] == 200
    assert seen["carts"], printed
    assert seen["picture"][1:3] == b"\xff\xd8"


def test_its_recording_replays_to_its_own_events(demo):
    _, _, _, folder = demo
    replayed = folder / "replayed.jsonl"
    done = run("replay", folder / "recording.mcap", "--events", replayed)
    assert done.returncode == 0, done.stderr
    assert replayed.read_bytes() == (folder / "events.jsonl").read_bytes()


def test_the_base_installation_asks_for_no_training_library():
    asked = importlib.metadata.requires("openaisle")
    base = {re.match(r"[\w.-]+", line).group().lower() for line in asked if "extra ==" not in line}
    assert "numpy" in base
    assert not base & {"torch", "torchvision", "ultralytics"}
    assert any(line.startswith("torch") and "train" in line for line in asked)


def test_the_command_line_loads_no_training_library():
    program = (
        "import service.cli, sys\n"
        "sys.exit(', '.join({'torch', 'torchvision', 'ultralytics'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
