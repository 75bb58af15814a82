"""Entry codes: short-lived tokens, signed with Ed25519, that a shopper's phone shows as a QR code.

The store keeps the private key; engines, recordings and replays need the public one alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NS = 1_000_000_000
LEEWAY_S = 5
KEPT_S = 3600  # after its end a used code is remembered: clocks of gates may be wrong by less
STAFF = "staff"
LONGEST_NAME = 64  # characters of a shopper's


class CodeRefused(Exception):
    """An entry code does not open the gate; the message says why, for the shopper to read."""


class ShopperNameError(ValueError):
    """No code can be issued under this name."""


class CodeKeyError(ValueError):
    """The store's public key cannot be used."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Whom a good code lets in."""

    shopper: str
    staff: bool


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

    def issue(
        self, shopper: str, at_ns: int, nonce: str, valid_s: int = 60, *, staff: bool = False
    ) -> str:
        """A code for `shopper`, valid from `at_ns` for `valid_s` seconds and for one entry.

        On a `staff` code people work in the store and owe nothing. Raises ShopperNameError.
        """
        if not 1 <= len(shopper) <= LONGEST_NAME:
            raise ShopperNameError(
                f"a shopper's name has 1 to {LONGEST_NAME} characters, this one {len(shopper)}"
            )
        claims = {
            "sub": shopper,
            "aud": self._store,
            "iat": at_ns // NS,
            "exp": at_ns // NS + valid_s,
            "jti": nonce,
            **({"role": STAFF} if staff else {}),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class CodeVerifier:
    """Checks entry codes against the store's public key, each for a single use.

    Raises CodeKeyError where `public_pem` is not such a key. Can be pickled.
    """

    def __init__(self, public_pem: str, store: str) -> None:
        self._pem = public_pem
        self._key = _public_key(public_pem)
        self._store = store
        self._used: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_key"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._key = _public_key(self._pem)

    def verify(self, code: str, at_ns: int) -> Pass:
        """Whom `code` lets in at `at_ns`. Raises CodeRefused with the reason."""
        try:
            claims = jwt.decode(
                code,
                self._key,
                algorithms=["EdDSA"],
                audience=self._store,
                options={
                    "require": ["sub", "aud", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidAudienceError:
            raise CodeRefused("this code is for another store") from None
        except jwt.InvalidSignatureError:
            raise CodeRefused("this code was not issued by this store") from None
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise CodeRefused("this is not an entry code") from None
        if not 1 <= len(claims["sub"]) <= LONGEST_NAME:
            raise CodeRefused("this is not an entry code")
        now_s = at_ns // NS
        starts = claims["iat"], claims.get("nbf", claims["iat"])
        if not all(isinstance(second, int) for second in (*starts, claims["exp"])):
            raise CodeRefused("this is not an entry code")
        if now_s > claims["exp"] + LEEWAY_S:
            raise CodeRefused("this code has expired; show a fresh one")
        if now_s < max(starts) - LEEWAY_S:
            raise CodeRefused("this code is not valid yet; check the phone's clock")
        nonce = str(claims["jti"])
        if nonce in self._used:
            raise CodeRefused("this code was used before; show a fresh one")
        self._used = {n: exp for n, exp in self._used.items() if exp + KEPT_S >= now_s}
        self._used[nonce] = claims["exp"]
        return Pass(str(claims["sub"]), claims.get("role") == STAFF)


def _public_key(pem: str) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CodeKeyError(f"the key for entry codes is not a public key in PEM: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise CodeKeyError("the key for entry codes is not an Ed25519 public key")
    return key
