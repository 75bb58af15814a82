"""What all tests share: property tests without a deadline, since machines differ in speed, and no
logger left behind by a command, whose standard error is closed when its test is over."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()
