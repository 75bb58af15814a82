"""Steering what the page shows, where that is no running store: play, pause, seek, speed, step."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

SLOWEST, FASTEST = 0.05, 64.0


class Controls(Protocol):
    """What steers the page's state; `service.replay_player` says what each of these does."""

    @property
    def start_s(self) -> float: ...

    @property
    def revision(self) -> int: ...

    def changes(self, since: int) -> dict[str, Any]: ...

    def play(self) -> None: ...

    def pause(self) -> None: ...

    def seek(self, at_s: float) -> None: ...

    def set_speed(self, speed: float | None) -> None: ...

    def step(self, by: Literal["event", "error", "moment"], back: bool = False) -> None: ...


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Play(_Body):
    action: Literal["play"]


class Pause(_Body):
    action: Literal["pause"]


class Seek(_Body):
    """`at_s` is seconds since the beginning; beyond the end is the end."""

    action: Literal["seek"]
    at_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Speed(_Body):
    """Seconds that pass in one; null is as fast as it goes."""

    action: Literal["speed"]
    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)] | None


class Step(_Body):
    """To the next happening, error, or 0.1 s; or back to the one before."""

    action: Literal["step"]
    by: Literal["event", "error", "moment"]
    back: bool = False


Command = Annotated[Play | Pause | Seek | Speed | Step, Field(discriminator="action")]


def controls_router(controls: Controls) -> APIRouter:
    """The routes of a page that can be steered."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/replay")
    def read_replay() -> dict[str, Any]:
        """Where it is, what is in it and what was changed."""
        return controls.changes(-1)

    @router.post("/replay")
    def steer(command: Command) -> dict[str, Any]:
        """Play, pause, seek, set the speed or step; answers where it is then."""
        match command:
            case Play():
                controls.play()
            case Pause():
                controls.pause()
            case Seek():
                controls.seek(command.at_s)
            case Speed():
                controls.set_speed(command.speed)
            case Step():
                controls.step(command.by, command.back)
        return controls.changes(controls.revision)

    return router
