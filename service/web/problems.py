"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """An answer of `application/problem+json`; `more` are members of its own."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **more,
        },
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/problem+json",
    )


def report_problems(app: FastAPI) -> None:
    """Make every error that `app` answers with a problem document."""

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
            for fault in error.errors()
        ]
        return problem(422, "The request is not what this address expects.", errors=faults)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        return problem(500, "Something went wrong here; the server's log says what.")
