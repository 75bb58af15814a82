"""A group of commands whose modules are loaded when a command runs, not when help lists them.

Every command of the engine, the simulator and the eyes together takes seconds to import; a command
needs a part of them, and the list of commands none.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Entry:
    """A command or group of commands: where it is, and its line in the list."""

    name: str
    target: str
    """`module:attribute` of the function, or of the `typer.Typer` of a group."""
    line: str
    panel: str | None = None


def lazy_group(*entries: Entry) -> type[TyperGroup]:
    """A class of group for `typer.Typer(cls=…)` that has these commands."""

    class Group(LazyGroup):
        listed: ClassVar = {entry.name: entry for entry in entries}

    return Group


class LazyGroup(TyperGroup):
    """Commands of `listed`: known by their lines, loaded by `get_command`."""

    listed: ClassVar[dict[str, Entry]] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for entry in self.listed.values():
            self.add_command(TyperCommand(entry.name, help=entry.line, rich_help_panel=entry.panel))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, its module imported; None where there is none of the name."""
        entry = self.listed.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry.target.partition(":")
        target = getattr(import_module(module), attribute)
        holder = typer.Typer(rich_markup_mode="markdown")
        if isinstance(target, typer.Typer):
            holder.add_typer(target, name=cmd_name)
        else:
            holder.command(cmd_name)(target)
        return get_group(holder).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help that lists commands by their lines, without loading them."""
        lines = TyperGroup(
            name=self.name,
            commands=list(self.commands.values()),
            params=self.params,
            help=self.help,
            rich_markup_mode=self.rich_markup_mode,
        )
        lines.format_help(ctx, formatter)
