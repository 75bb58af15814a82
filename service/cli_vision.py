"""The `vision` commands: how well cameras see, and workers that look through them."""

from __future__ import annotations

import typer

from service.cli_lazy import Entry, lazy_group

vision_app = typer.Typer(
    cls=lazy_group(
        Entry(
            "eval",
            "service.cli_vision_eval:eval_command",
            "How well people, hands and places are seen in unseen stores.",
        ),
        Entry(
            "run",
            "service.cli_vision_run:run_command",
            "Run a store's vision on a machine beside the cameras.",
        ),
    ),
    no_args_is_help=True,
)


@vision_app.callback()
def vision() -> None:
    """Run vision alone, and measure how well it sees."""
