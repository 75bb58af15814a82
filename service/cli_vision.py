"""The `vision` commands: how well cameras see, and workers that look through them."""

from __future__ import annotations

import typer

from service.cli_vision_eval import eval_command
from service.cli_vision_run import run_command

vision_app = typer.Typer(help="Measure and run vision.", no_args_is_help=True)


@vision_app.callback()
def vision() -> None:
    """Measure and run vision."""


vision_app.command("eval")(eval_command)
vision_app.command("run")(run_command)
