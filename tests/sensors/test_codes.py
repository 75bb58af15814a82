"""Entry codes: who gets in, and what the others are told."""

import base64
import pickle

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.codes import (
    NS,
    CodeIssuer,
    CodeKeyError,
    CodeRefused,
    CodeVerifier,
    ShopperNameError,
)

NOW = 1_767_600_000 * NS
ISSUER = CodeIssuer.from_seed(b"s" * 32, "corner")


NESTED = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")


def verifier():
    return CodeVerifier(ISSUER.public_pem, "corner")


def signed(**claims):
    """A code of the store's own key with other claims."""
    second = NOW // NS
    known = {"sub": "ada", "aud": "corner", "iat": second, "exp": second + 60, "jti": "n"}
    key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    return jwt.encode(known | claims, key, algorithm="EdDSA")


def test_a_code_lets_its_shopper_in_once():
    gate = verifier()
    code = ISSUER.issue("ada", NOW, "n1")
    assert gate.verify(code, NOW + NS).shopper == "ada"
    with pytest.raises(CodeRefused, match="used before"):
        gate.verify(code, NOW + 2 * NS)
    assert gate.verify(ISSUER.issue("ada", NOW, "n2"), NOW).shopper == "ada"


@pytest.mark.parametrize(
    ("code", "at_ns", "reason"),
    [
        (ISSUER.issue("ada", NOW, "n"), NOW + 120 * NS, "expired"),
        (ISSUER.issue("ada", NOW + 120 * NS, "n"), NOW, "not valid yet"),
        (CodeIssuer.from_seed(b"f" * 32, "corner").issue("eve", NOW, "n"), NOW, "not issued by"),
        (CodeIssuer.from_seed(b"s" * 32, "mall").issue("ada", NOW, "n"), NOW, "another store"),
        ("hello", NOW, "not an entry code"),
        ("", NOW, "not an entry code"),
        (f"{NESTED}.e30.c2ln", NOW, "not an entry code"),
        (signed(nbf=NOW // NS + 30), NOW, "not valid yet"),
        (signed(nbf="soon"), NOW, "not an entry code"),
        (signed(sub="a" * 65), NOW, "not an entry code"),
        (signed(sub=""), NOW, "not an entry code"),
        (jwt.encode({"sub": "eve"}, None, algorithm="none"), NOW, "not an entry code"),
        (jwt.encode({"sub": "eve"}, ISSUER.public_pem[:32], "HS256"), NOW, "not an entry code"),
    ],
)
def test_others_are_refused_with_the_reason(code, at_ns, reason):
    with pytest.raises(CodeRefused, match=reason):
        verifier().verify(code, at_ns)


@pytest.mark.parametrize("name", ["", "a" * 65])
def test_no_code_is_issued_under_a_name_that_no_gate_takes(name):
    with pytest.raises(ShopperNameError, match=f"1 to 64 characters, this one {len(name)}"):
        ISSUER.issue(name, NOW, "n1")
    assert verifier().verify(ISSUER.issue("a" * 64, NOW, "n1"), NOW).shopper == "a" * 64


def test_a_refused_code_does_not_use_up_a_good_one():
    gate = verifier()
    code = ISSUER.issue("ada", NOW + 60 * NS, "n1")
    with pytest.raises(CodeRefused):
        gate.verify(code, NOW)
    assert gate.verify(code, NOW + 61 * NS).shopper == "ada"


def test_a_gate_whose_clock_runs_ahead_makes_no_used_code_good_again():
    gate = verifier()
    code = ISSUER.issue("ada", NOW, "n1")
    gate.verify(code, NOW)
    ahead = NOW + 1800 * NS
    gate.verify(ISSUER.issue("ben", ahead, "n2"), ahead)
    with pytest.raises(CodeRefused, match="used before"):
        gate.verify(code, NOW + NS)


@settings(deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"\A[\w-]*\.[\w-]*\.[\w-]*\Z", fullmatch=True)))
def test_whatever_is_shown_opens_nothing_and_breaks_nothing(text):
    with pytest.raises(CodeRefused):
        verifier().verify(text, NOW)


@given(st.binary(max_size=4), st.integers(0, 200))
def test_a_code_that_was_changed_anywhere_opens_nothing(other, at):
    code = ISSUER.issue("ada", NOW, "n1")
    changed = code[:at] + other.hex() + code[at + len(other.hex()) :]
    if changed == code:
        return
    with pytest.raises(CodeRefused):
        verifier().verify(changed, NOW)


@pytest.mark.parametrize("at_ns", [NOW, 3_000_000_000 * NS])
def test_only_the_store_s_time_says_whether_a_code_is_valid(at_ns):
    second = at_ns // NS
    code = signed(iat=second, nbf=second, exp=second + 60)
    assert verifier().verify(code, at_ns).shopper == "ada"


def other_pem():
    return (
        generate_private_key(SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.mark.parametrize("pem", ["", "hello", ISSUER.public_pem[:60], other_pem()])
def test_a_key_that_is_none_is_refused_at_the_start(pem):
    with pytest.raises(CodeKeyError, match="the key for entry codes is not"):
        CodeVerifier(pem, "corner")


def test_a_pickled_verifier_knows_its_key_and_what_was_used():
    gate = verifier()
    code = ISSUER.issue("ada", NOW, "n1")
    gate.verify(code, NOW)
    again = pickle.loads(pickle.dumps(gate))
    with pytest.raises(CodeRefused, match="used before"):
        again.verify(code, NOW)
    assert again.verify(ISSUER.issue("ada", NOW, "n2"), NOW).shopper == "ada"
