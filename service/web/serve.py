"""Run the pages in a thread of this process, at an address that is safe to open."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from fastapi import FastAPI

from service.web.access import Access, is_loopback

_START_WITHIN_S = 10.0
_STOP_WITHIN_S = 5.0


class ServeError(Exception):
    """The pages cannot be served; the message says why and what to change."""


class ServedApp:
    """Pages that are being served, until `stop`."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, host: str, port: int):
        self._server = server
        self._thread = thread
        self.port = port
        name = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host
        self.url = f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"

    def stop(self) -> None:
        """Close connections and end the thread."""
        self._server.should_exit = True
        self._thread.join(_STOP_WITHIN_S)


def serve_app(app: FastAPI, host: str, port: int, password: str | None = None) -> ServedApp:
    """Serve `app`; `port` 0 takes a free one, which the answer names.

    Raises ServeError where the address is taken, or is reachable by other machines and no
    password is set. The password travels as HTTP Basic: beyond this machine put TLS before it.
    """
    if not is_loopback(host) and not password:
        raise ServeError(
            f"{host} can be reached from other machines: set a password, or serve on 127.0.0.1"
        )
    app.state.access = Access(password or None)
    listener = _bind(host, port)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_max_size=4096,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + _START_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            listener.close()
            raise ServeError(f"the web server did not start on {host}:{port}")
        time.sleep(0.01)
    return ServedApp(server, thread, host, listener.getsockname()[1])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else error
        raise ServeError(f"cannot listen on {host}:{port}: {why}") from error
    return listener
