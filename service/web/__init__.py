"""The live page and its HTTP API."""
