"""The `bench` commands, each of which measures how fast something is on this machine."""

from __future__ import annotations

import typer

from service.cli_lazy import Entry, lazy_group

bench_app = typer.Typer(
    cls=lazy_group(
        Entry("simulator", "service.cli_bench:simulator_command", "How fast scenes are played."),
        Entry(
            "ingest",
            "service.cli_bench_ingest:bench_ingest_command",
            "Big stores through Mosquitto, beside a bare paho loop.",
        ),
        Entry(
            "fusion",
            "service.cli_bench_fusion:bench_fusion_command",
            "Decisions in a crowd, beside a plain rule.",
        ),
        Entry("cameras", "service.cli_bench:cameras_command", "What reading a camera costs."),
        Entry(
            "vision",
            "service.cli_bench_vision:bench_vision_command",
            "The vision worker, from H.264 to reports, beside ultralytics.",
        ),
        Entry(
            "tracking",
            "service.cli_track:bench_tracking_command",
            "The tracker of one camera's boxes, beside trackers of others.",
        ),
        Entry(
            "footage",
            "service.cli_footage:bench_footage_command",
            "How well foreign footage is fused to the floor.",
        ),
    ),
    no_args_is_help=True,
)


@bench_app.callback()
def bench() -> None:
    """Measure speed on this machine."""
