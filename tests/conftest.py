"""What all tests share: property tests without a deadline, since machines differ in speed."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
