"""The `measure` commands, each of which measures how well bills are decided."""

from __future__ import annotations

import typer

from service.cli_lazy import Entry, lazy_group

measure_app = typer.Typer(
    cls=lazy_group(
        Entry(
            "ablation",
            "service.cli_measure:ablation_command",
            "What each kind of evidence is worth.",
        ),
        Entry(
            "crowd",
            "service.cli_measure:crowd_command",
            "Whether probabilities mean what they say.",
        ),
        Entry(
            "variants",
            "service.cli_measure:variants_command",
            "How a real store's noise is borne.",
        ),
    ),
    no_args_is_help=True,
)


@measure_app.callback()
def measure() -> None:
    """Measure how well bills are decided, and why."""
