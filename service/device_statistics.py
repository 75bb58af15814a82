"""What is known of each device: how often it speaks, how late, by what clock, what went wrong.

The engine keeps a row for each device in the journal's database, written with the batches every
`STATISTICS_S` seconds; `read_device_statistics` reads them while it runs, at no cost to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from service.journal import JournalError
from service.tables import DEVICES

STATISTICS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatistics:
    """One device over the life of a journal; rates and delays of the last seconds it was heard.

    `kind` is empty where nothing but dead letters came. `lag_ms` is the median of arrival less
    the end of what a message tells of, by the device's clock. `skew_ms` is its clock less the
    arrival clock (above 0: ahead), `skew_sigma_ms` one standard deviation of that; both, and the
    lags, None where no message carries a time. `missing` counts the numbers that this boot left
    out between its first and its last message, `repeats` messages that came again. `up` is what
    was last said of the device, None where nothing was.
    """

    device: str
    kind: str = ""
    boot: str = ""
    first_seen_ns: int = 0
    last_seen_ns: int = 0
    messages: int = 0
    rate_hz: float = 0.0
    lag_ms: float | None = None
    lag_p95_ms: float | None = None
    skew_ms: float | None = None
    skew_sigma_ms: float | None = None
    repeats: int = 0
    missing: int = 0
    dead_letters: int = 0
    last_reason: str = ""
    last_refused_ns: int = 0
    up: bool | None = None
    down_reason: str = ""


_DECODER = msgspec.json.Decoder(DeviceStatistics)
_ENCODER = msgspec.json.Encoder()


def encode_statistics(statistics: DeviceStatistics) -> bytes:
    """How one lies in the database."""
    return _ENCODER.encode(statistics)


def decode_statistics(bodies: Iterable[bytes]) -> list[DeviceStatistics]:
    """Read some of them, sorted by kind and name."""
    found = [_DECODER.decode(body) for body in bodies]
    return sorted(found, key=lambda one: (one.kind, one.device))


def read_device_statistics(where: Path | str) -> list[DeviceStatistics]:
    """All devices that a store has heard, by kind and name: those of a data folder, of a file of
    a journal or of the URL of a database. Nothing is written there.

    Raises JournalError where there is no journal, or it cannot be read.
    """
    engine, name = _read_only(where)
    try:
        if not sa.inspect(engine).has_table(DEVICES.name):
            return []
        with engine.connect() as connection:
            bodies = connection.execute(sa.select(DEVICES.c.body)).scalars().all()
        return decode_statistics(bodies)
    except (SQLAlchemyError, msgspec.DecodeError) as error:
        cause = getattr(error, "orig", None) or error
        raise JournalError(f"{name}: the devices cannot be read: {cause}") from error
    finally:
        engine.dispose()


def _read_only(where: Path | str) -> tuple[sa.Engine, str]:
    if isinstance(where, str) and "://" in where and not where.startswith("sqlite:///"):
        url = sa.make_url(where)
        name = url.render_as_string(hide_password=True)
        try:
            return sa.create_engine(url), name
        except ImportError as error:
            raise JournalError(f"{name}: cannot be read: {error}") from error
    path = Path(str(where).removeprefix("sqlite:///"))
    if path.is_dir():
        path /= "journal.sqlite"
    if not path.is_file():
        raise JournalError(
            f"{path}: there is no journal: give the data folder of a store that has run "
            "(`openaisle serve --data`)"
        )
    return sa.create_engine(f"sqlite:///file:{path.absolute()}?mode=ro&uri=true"), str(path)
