"""The page's one WebSocket: the layout, then state as it changes and pictures as they come.

Text frames are JSON objects with a `type`; a binary frame is one byte, the camera's index in the
layout, and a JPEG. The page answers each picture with its index as text once it is drawn, and gets
the camera's next one only then: a slow client is shown fewer pictures, never older ones.
"""

from __future__ import annotations

import json
import time
from typing import Any

import anyio
from fastapi import WebSocket, WebSocketDisconnect

from service.live import LiveState
from service.previews import Pictures
from service.web.controls import Controls

STATE_PERIOD_S = 0.1
PICTURE_PERIOD_S = 0.2
ACKNOWLEDGE_WITHIN_S = 5.0


class PageStream:
    """One client's connection."""

    def __init__(
        self,
        socket: WebSocket,
        live: LiveState,
        previews: Pictures | None,
        controls: Controls | None = None,
    ) -> None:
        self._socket = socket
        self._live = live
        self._previews = previews
        self._controls = controls
        self._cameras = [camera.id for camera in live.store.cameras]
        self._versions = [0] * len(self._cameras)
        self._sent_at = [-ACKNOWLEDGE_WITHIN_S] * len(self._cameras)
        self._drawn = [True] * len(self._cameras)

    async def run(self) -> None:
        """Serve the client until it goes."""
        await self._socket.accept()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._send)
            await self._listen()
            tasks.cancel_scope.cancel()

    async def _listen(self) -> None:
        try:
            while True:
                text = await self._socket.receive_text()
                if text.isdecimal() and len(text) < 4 and int(text) < len(self._drawn):
                    self._drawn[int(text)] = True
        except (WebSocketDisconnect, KeyError):
            return

    async def _send(self) -> None:
        layout_seen, seen, steered = -1, -1, -1
        try:
            while True:
                if self._live.layout_revision != layout_seen:
                    layout_seen = self._live.layout_revision
                    await self._send_json("layout", self._live.layout())
                if self._live.revision != seen:
                    state = self._live.changes(seen)
                    seen = state["revision"]
                    await self._send_json("state", state)
                if self._controls is not None and self._controls.revision != steered:
                    where = self._controls.changes(steered)
                    steered = where["revision"]
                    await self._send_json("controls", where)
                await self._send_pictures()
                await anyio.sleep(STATE_PERIOD_S)
        except WebSocketDisconnect:
            return

    async def _send_json(self, kind: str, content: dict[str, Any]) -> None:
        text = json.dumps({"type": kind, **content}, separators=(",", ":"), ensure_ascii=False)
        await self._socket.send_text(text)

    async def _send_pictures(self) -> None:
        if self._previews is None:
            return
        for index, camera in enumerate(self._cameras):
            if camera not in self._previews.cameras:
                continue
            since = time.monotonic() - self._sent_at[index]
            wait = PICTURE_PERIOD_S * 0.9 if self._drawn[index] else ACKNOWLEDGE_WITHIN_S
            if since < wait:
                continue
            picture = self._previews.get(camera)
            if picture is None or picture[0] == self._versions[index]:
                continue
            self._versions[index] = picture[0]
            self._sent_at[index], self._drawn[index] = time.monotonic(), False
            await self._socket.send_bytes(bytes([index]) + picture[1])
