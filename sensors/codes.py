"""Entry codes: short-lived tokens, signed with Ed25519, that a shopper's phone shows as a QR code.

The store keeps the private key; engines, recordings and replays need the public one alone.
"""

from __future__ import annotations

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NS = 1_000_000_000
LEEWAY_S = 5


class CodeRefused(Exception):
    """An entry code does not open the gate; the message says why, for the shopper to read."""


class CodeIssuer:
    """Signs entry codes of one store."""

    def __init__(self, private_key: Ed25519PrivateKey, store: str) -> None:
        self._key = private_key
        self._store = store

    @staticmethod
    def from_seed(seed: bytes, store: str) -> CodeIssuer:
        """An issuer whose key is derived from 32 bytes, for virtual stores."""
        return CodeIssuer(Ed25519PrivateKey.from_private_bytes(seed), store)

    @property
    def public_pem(self) -> str:
        """The key that checks this issuer's codes."""
        return (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def issue(self, shopper: str, at_ns: int, nonce: str, valid_s: int = 60) -> str:
        """A code for `shopper`, valid from `at_ns` for `valid_s` seconds and for one entry."""
        claims = {
            "sub": shopper,
            "aud": self._store,
            "iat": at_ns // NS,
            "exp": at_ns // NS + valid_s,
            "jti": nonce,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class CodeVerifier:
    """Checks entry codes against the store's public key, each for a single use."""

    def __init__(self, public_pem: str, store: str) -> None:
        self._pem = public_pem
        self._store = store
        self._used: dict[str, int] = {}

    def verify(self, code: str, at_ns: int) -> str:
        """The shopper whom `code` lets in at `at_ns`. Raises CodeRefused with the reason."""
        try:
            claims = jwt.decode(
                code,
                self._pem,
                algorithms=["EdDSA"],
                audience=self._store,
                options={
                    "require": ["sub", "aud", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidAudienceError:
            raise CodeRefused("this code is for another store") from None
        except jwt.InvalidSignatureError:
            raise CodeRefused("this code was not issued by this store") from None
        except jwt.InvalidTokenError:
            raise CodeRefused("this is not an entry code") from None
        now_s = at_ns // NS
        if not isinstance(claims["exp"], int) or not isinstance(claims["iat"], int):
            raise CodeRefused("this is not an entry code")
        if now_s > claims["exp"] + LEEWAY_S:
            raise CodeRefused("this code has expired; show a fresh one")
        if now_s < claims["iat"] - LEEWAY_S:
            raise CodeRefused("this code is not valid yet; check the phone's clock")
        nonce = str(claims["jti"])
        if nonce in self._used:
            raise CodeRefused("this code was used before; show a fresh one")
        self._used = {n: exp for n, exp in self._used.items() if exp + LEEWAY_S >= now_s}
        self._used[nonce] = claims["exp"]
        return str(claims["sub"])
