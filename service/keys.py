"""A store's key for entry codes: one file of its data directory, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensors.codes import CodeIssuer
from sensors.store import StoreFileError

KEY_FILE = "code_key.pem"


def code_issuer(data_dir: Path, store: str, *, create: bool = False) -> CodeIssuer:
    """The issuer of the store's codes; `create` makes its key where there is none yet.

    Raises StoreFileError where there is no key, or the file is not an Ed25519 key.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        if not create:
            raise StoreFileError(
                f"{data_dir}: no {KEY_FILE} here, so no gate would take the code; name the data "
                "directory of `openaisle serve` with --data (its first start makes the key)"
            )
        data_dir.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise StoreFileError(f"{path}: not a key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreFileError(f"{path}: expected an Ed25519 key")
    return CodeIssuer(key, store)
