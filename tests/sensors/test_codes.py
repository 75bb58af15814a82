"""Entry codes: who gets in, and what the others are told."""

import jwt
import pytest

from sensors.codes import NS, CodeIssuer, CodeRefused, CodeVerifier

NOW = 1_767_600_000 * NS
ISSUER = CodeIssuer.from_seed(b"s" * 32, "corner")


def verifier():
    return CodeVerifier(ISSUER.public_pem, "corner")


def test_a_code_lets_its_shopper_in_once():
    gate = verifier()
    code = ISSUER.issue("ada", NOW, "n1")
    assert gate.verify(code, NOW + NS) == "ada"
    with pytest.raises(CodeRefused, match="used before"):
        gate.verify(code, NOW + 2 * NS)
    assert gate.verify(ISSUER.issue("ada", NOW, "n2"), NOW) == "ada"


@pytest.mark.parametrize(
    ("code", "at_ns", "reason"),
    [
        (ISSUER.issue("ada", NOW, "n"), NOW + 120 * NS, "expired"),
        (ISSUER.issue("ada", NOW + 120 * NS, "n"), NOW, "not valid yet"),
        (CodeIssuer.from_seed(b"f" * 32, "corner").issue("eve", NOW, "n"), NOW, "not issued by"),
        (CodeIssuer.from_seed(b"s" * 32, "mall").issue("ada", NOW, "n"), NOW, "another store"),
        ("hello", NOW, "not an entry code"),
        ("", NOW, "not an entry code"),
        (jwt.encode({"sub": "eve"}, None, algorithm="none"), NOW, "not an entry code"),
        (jwt.encode({"sub": "eve"}, ISSUER.public_pem[:32], "HS256"), NOW, "not an entry code"),
    ],
)
def test_others_are_refused_with_the_reason(code, at_ns, reason):
    with pytest.raises(CodeRefused, match=reason):
        verifier().verify(code, at_ns)


def test_a_refused_code_does_not_use_up_a_good_one():
    gate = verifier()
    code = ISSUER.issue("ada", NOW + 60 * NS, "n1")
    with pytest.raises(CodeRefused):
        gate.verify(code, NOW)
    assert gate.verify(code, NOW + 61 * NS) == "ada"
