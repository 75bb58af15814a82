"""Who may talk to the pages: host names, origins, the password, and headers on every answer."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.problems import problem

USER = "openaisle"
COOKIE = "openaisle_session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of a client: without a password it must name a loopback host.

    A browser that gave the password once also holds a cookie, because not every browser repeats
    Basic credentials on a WebSocket.
    """

    password: str | None = None
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def knows(self, headers: Headers) -> bool:
        """Whether the request carries the password, or the cookie that it earned."""
        if self.password is None or _matches(_cookie(headers), self.session):
            return True
        return _matches(_credentials(headers), f"{USER}:{self.password}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: asks `app.state.access` of each request before anything else sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        access: Access = scope["app"].state.access
        headers = Headers(scope=scope)
        refusal = _refusal(access, scope, headers)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if access.password is not None and refusal is None:
                    cookie = f"{COOKIE}={access.session}; Path=/; HttpOnly; SameSite=Strict"
                    answer.append("set-cookie", cookie)
            await send(message)

        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send_with_headers)


def _refusal(access: Access, scope: Scope, headers: Headers) -> Response | None:
    host = headers.get("host", "")
    if access.password is None and not is_loopback(_name(host)):
        return problem(421, f"This server does not answer for host {host[:100]!r}.")
    origin = headers.get("origin")
    changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
    if changes and origin is not None and _place(origin) != host:
        return problem(403, "The request comes from a page of another origin.")
    if not access.knows(headers):
        challenge = {"www-authenticate": 'Basic realm="OpenAisle", charset="UTF-8"'}
        return problem(401, "A password is needed.", challenge)
    return None


def _place(origin: str) -> str | None:
    """The host and port that an Origin header names; None where it is not one."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """The host of a Host header without its port; '' where it is not one."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _credentials(headers: Headers) -> str:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _matches(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
