"""The web application: the live page, its WebSocket and the HTTP API behind one guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.responses import Response
from starlette.types import Scope

from service.live import LiveState
from service.previews import Pictures
from service.web.access import Access, Guard
from service.web.api import Submit, api_router
from service.web.controls import Controls, controls_router
from service.web.problems import report_problems
from service.web.stream import PageStream

_HERE = Path(__file__).parent


class _FreshFiles(StaticFiles):
    """Static files that browsers ask about each time, so that an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def create_app(
    live: LiveState,
    previews: Pictures | None = None,
    submit: Submit | None = None,
    controls: Controls | None = None,
) -> FastAPI:
    """The application. It answers to loopback host names only, unless `serve_app` sets a password.

    `previews` gives the camera pictures; `submit` takes verdicts and counts to the engine, and may
    be called from any thread; `controls` steer what is shown where it is no running store.
    """
    app = FastAPI(
        title="OpenAisle", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.access = Access()
    app.add_middleware(Guard)
    report_problems(app)
    templates = Jinja2Templates(_HERE / "templates")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        answer = templates.TemplateResponse(
            request,
            "live.html",
            {
                "store": live.store,
                "writable": submit is not None,
                "steered": controls is not None,
                "start_s": None if controls is None else controls.start_s,
                "pictures": previews is not None,
            },
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    @app.get("/healthz")
    def health() -> dict[str, Any]:
        """The page's process is alive; `store` is what it last heard of the engine."""
        return {"status": "ok", "store": live.snapshot()["status"]["state"]}

    @app.websocket("/ws")
    async def stream(socket: WebSocket) -> None:
        await PageStream(socket, live, previews, controls).run()

    app.include_router(api_router(live, submit))
    if controls is not None:
        app.include_router(controls_router(controls))
    app.mount("/static", _FreshFiles(directory=_HERE / "static"), name="static")
    return app
