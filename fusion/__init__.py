"""Observations in, cart events out; pure."""
