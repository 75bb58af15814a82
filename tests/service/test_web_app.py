"""The HTTP API, the WebSocket and who may use them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from cart import events
from sensors.store import load_store
from sensors.wire import Count, Payload, Verdict, decode, encode, topic
from service.live import LiveState
from service.previews import PreviewReader, PreviewWriter
from service.web.access import Access
from service.web.app import create_app
from service.web.serve import ServeError, serve_app

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
COLA = "04000000011859"
MOMENT: dict[str, Any] = {"at_ns": 5_000_000_000, "decided_ns": 5_000_000_000}
HERE = "http://localhost"
SOCKET = "ws://localhost/ws"


@pytest.fixture
def live() -> LiveState:
    state = LiveState(STORE)
    state.apply(events.Entered(number=1, **MOMENT, visit="v", shopper="ada", tracklet="t"))
    state.apply(
        events.ReviewRequested(
            number=2,
            **MOMENT,
            review="r1",
            visit="v",
            shopper="ada",
            reason="alike",
            certain=(),
            candidates=(),
            evidence=(),
        )
    )
    return state


@pytest.fixture
def said() -> list[Payload]:
    return []


@pytest.fixture
def client(live: LiveState, said: list[Payload]) -> TestClient:
    return TestClient(create_app(live, None, said.append), base_url=HERE)


def test_the_page_and_its_files(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "<title>Corner shop · OpenAisle</title>" in page.text
    assert client.get("/static/js/main.js").headers["content-type"].startswith("text/javascript")


def test_reading(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "store": "UP"}
    assert client.get("/api/v1/layout").json()["store"]["name"] == "Corner shop"
    assert client.get("/api/v1/state").json()["carts"][0]["shopper"] == "Ada"
    assert client.get("/api/v1/carts").json()[0]["visit"] == "v"
    assert client.get("/api/v1/receipts").json() == []
    assert client.get("/api/v1/reviews").json()[0]["review"] == "r1"


def test_a_decision_becomes_a_message_that_the_engine_can_decode(
    client: TestClient, said: list[Payload]
) -> None:
    body = {"lines": [["4000000011859", 2]], "actor": "kim"}
    assert client.post("/api/v1/reviews/r1/decision", json=body).status_code == 202
    body = {"lines": None, "actor": "kim"}
    assert client.post("/api/v1/reviews/r1/decision", json=body).json() == {"seq": 1}
    first, second = said
    assert isinstance(first, Verdict)
    assert (first.review, first.lines, first.at_ns) == ("r1", [(COLA, 2)], 5_000_000_000)
    assert isinstance(second, Verdict)
    assert second.lines is None
    where = topic("corner", "control", first.device)
    assert decode(where, encode(first), "corner") == first


def test_a_count_becomes_a_message(client: TestClient, said: list[Payload]) -> None:
    body = {"facing": "g1s1.1", "units": 3, "actor": "kim"}
    assert client.post("/api/v1/counts", json=body).status_code == 202
    assert isinstance(said[0], Count)
    assert (said[0].facing, said[0].units) == ("g1s1.1", 3)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/reviews/r9/decision", {"lines": None, "actor": "kim"}, 404),
        ("/api/v1/reviews/r1/decision", {"lines": [["99", 1]], "actor": "kim"}, 422),
        ("/api/v1/reviews/r1/decision", {"lines": [["x", 1]], "actor": "kim"}, 422),
        ("/api/v1/reviews/r1/decision", {"lines": [[COLA, 0]], "actor": "kim"}, 422),
        ("/api/v1/reviews/r1/decision", {"lines": None}, 422),
        ("/api/v1/counts", {"facing": "g9", "units": 1, "actor": "kim"}, 404),
        ("/api/v1/counts", {"facing": "g1s1.1", "units": -1, "actor": "kim"}, 422),
        ("/api/v1/counts", {"facing": "g1s1.1", "units": 1, "actor": "kim", "x": 1}, 422),
        ("/api/v1/nothing", {}, 404),
    ],
)
def test_errors_are_problem_documents(
    client: TestClient, said: list[Payload], path: str, body: object, status: int
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert said == []


def test_a_page_that_cannot_write_says_so(live: LiveState) -> None:
    client = TestClient(create_app(live), base_url=HERE)
    answer = client.post("/api/v1/counts", json={"facing": "g1s1.1", "units": 3, "actor": "kim"})
    assert answer.status_code == 503
    assert 'data-writable="no"' in client.get("/").text


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/static/js/main.js", "/api/v1/state", "/api/v1/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:80"])
def test_other_host_names_are_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:80"])
def test_loopback_host_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


def test_a_page_of_another_origin_cannot_write(client: TestClient, said: list[Payload]) -> None:
    body = {"facing": "g1s1.1", "units": 3, "actor": "kim"}
    foreign = client.post("/api/v1/counts", json=body, headers={"origin": "http://evil.example"})
    assert (foreign.status_code, said) == (403, [])
    own = client.post("/api/v1/counts", json=body, headers={"origin": HERE})
    assert own.status_code == 202


@pytest.mark.parametrize("origin", ["http://[", "", "http://[::1", "\x00"])
def test_an_origin_that_is_none_is_refused(client: TestClient, origin: str) -> None:
    body = {"facing": "g1s1.1", "units": 3, "actor": "ines"}
    refused = client.post("/api/v1/counts", json=body, headers={"origin": origin})
    assert refused.status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://["])
def test_a_page_of_another_origin_cannot_watch(client: TestClient, origin: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKET, headers={"origin": origin}),
    ):
        pass


def test_the_stream_sends_layout_then_state_then_changes(
    client: TestClient, live: LiveState
) -> None:
    with client.websocket_connect(SOCKET, headers={"origin": HERE}) as socket:
        assert socket.receive_json()["type"] == "layout"
        state = socket.receive_json()
        assert (state["type"], len(state["events"])) == ("state", 2)
        live.metrics({"lag_s": 0.5})
        change = socket.receive_json()
        assert change["metrics"] == {"lag_s": 0.5}
        assert "carts" not in change


@pytest.fixture
def pictures() -> Iterator[tuple[PreviewWriter, PreviewReader]]:
    name = f"openaisle-test-{uuid.uuid4().hex[:12]}"
    cameras = [camera.id for camera in STORE.cameras]
    writer, reader = PreviewWriter(name, cameras), PreviewReader(name, cameras)
    yield writer, reader
    reader.close()
    writer.close()


def test_a_picture_waits_until_the_last_one_is_drawn(
    live: LiveState, pictures: tuple[PreviewWriter, PreviewReader]
) -> None:
    writer, reader = pictures
    client = TestClient(create_app(live, reader), base_url=HERE)
    with client.websocket_connect(SOCKET) as socket:
        socket.receive_json(), socket.receive_json()
        writer.put("cam2", b"one")
        assert socket.receive_bytes() == b"\x01one"
        writer.put("cam2", b"two")
        live.metrics({"lag_s": 0.1})
        assert socket.receive_json()["metrics"] == {"lag_s": 0.1}
        writer.put("cam2", b"three")
        socket.send_text("1")
        assert socket.receive_bytes() == b"\x01three"


def test_nonsense_from_a_client_is_ignored(client: TestClient, live: LiveState) -> None:
    with client.websocket_connect(SOCKET) as socket:
        socket.receive_json(), socket.receive_json()
        for text in ("99", "-1", "x", "²", "{}"):
            socket.send_text(text)
        live.metrics({"lag_s": 0.2})
        assert socket.receive_json()["metrics"] == {"lag_s": 0.2}


def test_a_password_is_asked_for_everywhere(live: LiveState) -> None:
    app = create_app(live)
    app.state.access = Access("open sesame")
    client = TestClient(app, base_url="http://shop.example")
    refused = client.get("/")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert "set-cookie" not in refused.headers
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET):
        pass
    for wrong in (("openaisle", "open"), ("kim", "open sesame"), ("openaisle", "ü")):
        assert client.get("/", auth=wrong).status_code == 401
    for header in ("Basic", "Basic ???", "Bearer open sesame", "Basic /////w=="):
        assert client.get("/", headers={"authorization": header}).status_code == 401
    assert client.get("/", auth=("openaisle", "open sesame")).status_code == 200
    with client.websocket_connect("ws://shop.example/ws") as socket:  # by the cookie
        assert socket.receive_json()["type"] == "layout"
    client.cookies.clear()
    client.cookies.set("openaisle_session", "guess")
    assert client.get("/").status_code == 401


def test_other_machines_need_a_password(live: LiveState) -> None:
    with pytest.raises(ServeError, match="set a password"):
        serve_app(create_app(live), "0.0.0.0", 0)
    with pytest.raises(ServeError, match="set a password"):
        serve_app(create_app(live), "shop.example", 0, password="")


def test_serving_on_a_free_port_and_stopping(live: LiveState) -> None:
    served = serve_app(create_app(live), "127.0.0.1", 0)
    try:
        assert served.port > 0
        assert httpx.get(f"{served.url}healthz").json()["status"] == "ok"
        with pytest.raises(ServeError, match="cannot listen"):
            serve_app(create_app(live), "127.0.0.1", served.port)
    finally:
        served.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}healthz")


def test_serving_beyond_this_machine_with_a_password(live: LiveState) -> None:
    served = serve_app(create_app(live), "0.0.0.0", 0, password="open sesame")
    try:
        assert httpx.get(served.url).status_code == 401
        assert httpx.get(served.url, auth=("openaisle", "open sesame")).status_code == 200
    finally:
        served.stop()
