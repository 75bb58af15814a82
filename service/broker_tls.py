"""Certificates for a store's own broker: an authority of one's own, and what it signs.

For stores without certificates of a public authority. Devices and engine trust the authority's
certificate (`ca.pem`); the broker shows the one that the authority signed for its host names.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 825
_EARLIER = datetime.timedelta(minutes=5)  # clocks of devices are not all right


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate and its private key, both as PEM."""

    certificate: bytes
    key: bytes


def new_authority(store: str, now: datetime.datetime) -> Signed:
    """A certificate authority for one store."""
    key = generate_private_key(SECP256R1())
    name = _name(f"OpenAisle broker authority of {store}")
    builder = (
        _begin(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Signed(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def new_certificate(authority: Signed, hosts: Sequence[str], now: datetime.datetime) -> Signed:
    """A broker's certificate for host names and addresses, signed by an authority.

    Raises ValueError where the authority's files are no such thing.
    """
    parent = x509.load_pem_x509_certificate(authority.certificate)
    parent_key = serialization.load_pem_private_key(authority.key, None)
    if not isinstance(parent_key, EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not one of ours")
    key = generate_private_key(SECP256R1())
    builder = (
        _begin(_name(hosts[0]), parent.subject, key, now, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent_key.public_key()),
            critical=False,
        )
    )
    return Signed(_pem(builder.sign(parent_key, hashes.SHA256())), _key_pem(key))


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
