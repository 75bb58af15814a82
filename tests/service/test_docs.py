"""The documents say what the code does: examples decode, every key is explained, links lead."""

import ast
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from sensors import foreign_devices, policy
from sensors import store as store_module
from sensors.decode import Decoder
from sensors.store import Store, load_store
from sensors.wire import (
    BarrierCrossed,
    Calibration,
    CodeShown,
    Count,
    HealthReport,
    Planogram,
    TagReads,
    Verdict,
    VisionReport,
    WeightBatch,
)
from service.broker import EmbeddedBroker
from service.bus import BrokerAddress, new_client
from service.cli import app
from service.live import LiveState
from service.progress import decode_confirmation
from service.web.app import create_app
from service.web.layout import facings_by_id
from simulator import scene as scene_module
from simulator import scene_script as script_module
from simulator import world as world_module
from simulator.scene import parse_scene

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CORNER = ROOT / "datasets" / "stores" / "corner.yaml"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PAYLOADS = [
    WeightBatch,
    CodeShown,
    BarrierCrossed,
    VisionReport,
    TagReads,
    HealthReport,
    Verdict,
    Count,
    Planogram,
    Calibration,
]
EXAMPLE = re.compile(r"^Topic `([^`]+)`:\n+```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_example_of_the_bus_decodes():
    examples = EXAMPLE.findall((DOCS / "mqtt.md").read_text(encoding="utf-8"))
    decoder = Decoder(load_store(CORNER))
    confirmed = [body for topic, body in examples if "/journaled/" in topic]
    said = [(topic, body) for topic, body in examples if "/journaled/" not in topic]
    kinds = {type(decoder.decode(topic, body.encode())) for topic, body in said}
    assert kinds == set(PAYLOADS)
    assert [decode_confirmation(body.encode()).seq for body in confirmed] == [41]
    assert len(blocks("mqtt.md", "json")) == len(examples), "an example without its topic"


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("store-file.md", store_module),
        ("store-file.md", foreign_devices),
        ("store-file.md", policy),
        ("worlds.md", world_module),
        ("scenes.md", scene_module),
        ("scenes.md", script_module),
    ],
)
def test_every_key_is_explained(page, module):
    text = (DOCS / page).read_text(encoding="utf-8")
    models = [m for m in vars(module).values() if hasattr(m, "model_fields")]
    models = [m for m in models if m.__module__ == module.__name__ and m.model_fields]
    assert models
    for model in models:
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert re.search(rf"[`{{ ,]{key}[`:]", text), f"{page}: {model.__name__}.{key}"


def test_the_defaults_of_the_policy_are_those_stated():
    text = (DOCS / "store-file.md").read_text(encoding="utf-8")
    rule = policy.CloseEntry.model_fields
    for key, field in {**policy.Policy.model_fields, **rule}.items():
        default = "null" if field.default is None else field.default
        default = str(default).lower() if isinstance(default, bool) else default
        if not isinstance(default, policy.CloseEntry):
            stated = rf"\| `{key}` \|(?:[^|]*\|)? `{re.escape(str(default))}` \|"
            assert re.search(stated, text), key


def test_the_scene_of_the_page_is_one():
    assert parse_scene(blocks("scenes.md", "yaml")[0], load_store(CORNER)).name == "two-colas"


def test_the_corner_shop_is_tabled_as_it_is():
    store = load_store(CORNER)
    products = {product.gtin: product for product in store.products}
    text = (DOCS / "scenes.md").read_text(encoding="utf-8")
    tabled = re.findall(r"`(g\ds\d\.\d+)` ([^;|]+) (\d+)(?: \||;)", text)
    assert tabled == [
        (name, products[facing.gtin].name, f"{products[facing.gtin].weight_g:g}")
        for name, facing in facings_by_id(store).items()
    ]


def test_every_alert_has_advice():
    guide = (DOCS / "operator-guide.md").read_text(encoding="utf-8")
    calls = [
        node
        for path in sorted((ROOT / "fusion").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "alert"
    ]
    kinds = {call.args[1].value for call in calls if isinstance(call.args[1], ast.Constant)}
    assert len(calls) >= len(kinds) >= 9
    assert {kind for kind in kinds if f"| `{kind}` |" not in guide} == set()


def test_every_address_is_documented():
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    for path, methods in create_app(LiveState(load_store(CORNER))).openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


def test_every_command_that_is_named_exists():
    root = get_command(app)
    for page in PAGES:
        for line in re.findall(r"openaisle ([^`\n]*)", page.read_text(encoding="utf-8")):
            words = iter(line.split())
            command, name = root, next(words, "")
            if not name[:1].isalpha() or name in ("below", "import-linter"):
                continue
            while hasattr(command, "commands"):
                assert name in command.commands, f"{page.name}: openaisle {line}"
                command, name = command.get_command(None, name), next(words, "")
                if not name.isalpha():
                    break
            known = {option for p in command.params for option in p.opts}
            given = re.findall(r"(?<=\s)--[a-z-]+", line.partition("#")[0])
            assert set(given) <= {*known, "--help"}, f"{page.name}: openaisle {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in LINK.findall(prose):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_python_of_the_pages_is_python():
    for page in DOCS.glob("*.md"):
        for block in blocks(page.name, "python"):
            ast.parse(block, page.name)


def test_the_sensor_of_the_page_is_understood(tmp_path):
    script = blocks("add-a-sensor.md", "python")[0]
    assert len(script.splitlines()) <= 40
    (tmp_path / "shelf.py").write_text(script, encoding="utf-8")
    text = CORNER.read_text(encoding="utf-8").replace("id: corner", "id: store", 1)
    decoder = Decoder(Store.model_validate(yaml.safe_load(text)))
    heard: list[tuple[str, bytes]] = []
    subscribed, enough = threading.Event(), threading.Event()

    def take(message) -> None:
        heard.append((message.topic, bytes(message.payload)))
        if len(heard) == 2:
            enough.set()

    with EmbeddedBroker() as broker:
        client = new_client(BrokerAddress(broker.port), "listener")
        client.on_connect = lambda *_: client.subscribe("openaisle/#", qos=1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _, __, message: take(message)
        client.loop_start()
        assert subscribed.wait(60)
        command = [sys.executable, str(tmp_path / "shelf.py"), broker.host, str(broker.port)]
        sensor = subprocess.Popen(command)
        try:
            assert enough.wait(120)
        finally:
            sensor.kill()
            sensor.wait()
            client.disconnect()
            client.loop_stop()
    said = [decoder.decode(topic, body) for topic, body in heard]
    first, second = sorted(said, key=lambda batch: batch.seq)[:2]
    assert (first.seq, second.seq) == (0, 1)
    assert second.at_ns - first.at_ns >= 199_000_000  # later where the machine is busy
