"""Access rules as Mosquitto's ACL files hold them, written and read; light, for brokers load it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grants:
    """Topic filters that a login may publish to and be given messages of."""

    write: tuple[str, ...]
    read: tuple[str, ...]


def acl_lines(name: str, allowed: Grants) -> list[str]:
    """The rules of one login."""
    both = [topic for topic in allowed.write if topic in allowed.read]
    return [
        f"user {name}",
        *(f"topic readwrite {topic}" for topic in both),
        *(f"topic write {topic}" for topic in allowed.write if topic not in both),
        *(f"topic read {topic}" for topic in allowed.read if topic not in both),
    ]


def read_acl(text: str) -> dict[str, Grants]:
    """The rules of a text that `acl_lines` made, by login."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    name = ""
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "user":
            name = rest
            found[name] = ([], [])
        elif word == "topic" and name:
            mode, _, topic = rest.partition(" ")
            if mode in ("write", "readwrite"):
                found[name][0].append(topic)
            if mode in ("read", "readwrite"):
                found[name][1].append(topic)
    return {name: Grants(tuple(write), tuple(read)) for name, (write, read) in found.items()}
