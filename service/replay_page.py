"""The live page on a recording: the same page as a running store's, steered by a player."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from service.recording import Recording
from service.replay_pictures import FilmedPictures
from service.replay_player import Player
from service.web.app import create_app
from service.web.serve import serve_app


@contextmanager
def served(recording: Recording, player: Player, port: int) -> Iterator[str]:
    """Serve the page on 127.0.0.1 while in it; the page's address.

    Pictures are those of the recording's videos, if it has any. Raises ServeError where the port
    is taken.
    """
    index = recording.cameras()
    with ExitStack() as stack:
        pictures = None
        if index:
            pictures = stack.enter_context(FilmedPictures(recording, index, player))
        page = serve_app(create_app(player.live, pictures, None, player), "127.0.0.1", port)
        stack.callback(page.stop)
        yield page.url
