"""Passwords of the bus: random ones, and Mosquitto's hashes of them.

A line of a password file is `name:$7$rounds$salt$hash`: PBKDF2-HMAC-SHA-512 with salt and hash in
base64, as `mosquitto_passwd` of Mosquitto 2 writes and `mosquitto` reads it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import string

ROUNDS = 101
"""Mosquitto's own number. Few, for the broker hashes at each connection; a random password of 190
bits needs no more."""
_SALT_BYTES = 12
_CHARACTERS = string.ascii_letters + string.digits
_LENGTH = 32
_MOST_ROUNDS = 1_000_000


def new_password() -> str:
    """A random password of 190 bits: letters and digits, which need no quoting anywhere."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(_LENGTH))


def hash_password(password: str) -> str:
    """A new hash of a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${_base64(salt)}${_base64(digest)}"


def verify_password(password: str, hashed: str) -> bool:
    """Whether a hash is of this password; False for what is no such hash."""
    parts = hashed.split("$")
    if len(parts) != 5 or parts[:2] != ["", "7"]:
        return False
    try:
        rounds, salt = int(parts[2]), base64.b64decode(parts[3], validate=True)
        digest = base64.b64decode(parts[4], validate=True)
    except (ValueError, binascii.Error):
        return False
    if not 1 <= rounds <= _MOST_ROUNDS or not digest:
        return False
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, len(digest))
    return hmac.compare_digest(found, digest)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
