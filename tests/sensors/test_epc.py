"""SGTIN-96 against the reader of others, and nothing but EpcError for what is none."""

import pytest
from epcpy.epc_schemes.sgtin import SGTIN
from epcpy.utils.common import ConvertException
from hypothesis import example, given
from hypothesis import strategies as st

from sensors.epc import GREATEST_SERIAL, EpcError, check_digit, decode_sgtin, encode_sgtin

BODIES = st.text("0123456789", min_size=13, max_size=13)


@given(BODIES, st.integers(0, GREATEST_SERIAL), st.integers(6, 12))
@example("0400000001037", 0, 7)
@example("9" * 13, GREATEST_SERIAL, 12)
def test_epcpy_reads_the_same(body, serial, company_digits):
    gtin = body + check_digit(body)
    epc = encode_sgtin(gtin, serial, company_digits)
    theirs = SGTIN.from_hex(epc)
    prefix, item, number = theirs.epc_uri.removeprefix("urn:epc:id:sgtin:").split(".")
    assert (len(prefix), item[0] + prefix + item[1:], int(number)) == (company_digits, body, serial)
    assert theirs.gs1_key() == gtin
    assert decode_sgtin(epc) == (gtin, serial)
    assert decode_sgtin(epc.lower()) == (gtin, serial)


def test_the_example_of_the_standard():
    # E.3 of the GS1 EPC Tag Data Standard 1.13; its filter value is 3, ours 1.
    assert encode_sgtin("80614141123458", 6789) == "3034257BF7194E4000001A85"
    assert decode_sgtin("3034257BF7194E4000001A85") == ("80614141123458", 6789)
    assert SGTIN.from_hex("3034257BF7194E4000001A85").gs1_key() == "80614141123458"
    assert decode_sgtin("3074257BF7194E4000001A85") == ("80614141123458", 6789)


@pytest.mark.parametrize(
    ("epc", "expected"),
    [
        ("", "24 hex digits"),
        ("30" * 11, "24 hex digits"),
        ("3074257BF7194E4000001A8Z", "24 hex digits"),
        ("3174257BF7194E4000001A85", "header 31"),
        ("307C257BF7194E4000001A85", "partition 7"),
        ("3077FFFFF7194E4000001A85", "too many digits"),
    ],
)
def test_what_is_no_sgtin_is_refused(epc, expected):
    with pytest.raises(EpcError, match=expected):
        decode_sgtin(epc)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("4000000010371", 1), "14 digits"),
        (("04000000010372", 1), "would have to be 1"),
        (("04000000010371", -1), "serial -1"),
        (("04000000010371", GREATEST_SERIAL + 1), "serial"),
        (("04000000010371", 1, 5), "6 to 12"),
    ],
)
def test_what_no_tag_can_hold_is_refused(arguments, expected):
    with pytest.raises(EpcError, match=expected):
        encode_sgtin(*arguments)


@given(st.text(max_size=30) | st.binary(min_size=12, max_size=12).map(bytes.hex))
def test_any_text_is_read_or_refused(text):
    try:
        gtin, serial = decode_sgtin(text)
    except EpcError:
        return
    assert gtin[13] == check_digit(gtin)
    assert 0 <= serial <= GREATEST_SERIAL


@given(st.integers(0, 2**88 - 1))
def test_epcpy_and_we_agree_on_what_is_one(rest):
    """Any 96 bits with the header of an SGTIN-96: both refuse them, or both read the same."""
    epc = f"{0x30 << 88 | rest:024X}"
    try:
        ours = decode_sgtin(epc)
    except EpcError:
        with pytest.raises((ConvertException, KeyError, ValueError)):
            SGTIN.from_hex(epc).gs1_key()
        return
    theirs = SGTIN.from_hex(epc)
    assert (theirs.gs1_key(), int(theirs.epc_uri.rpartition(".")[2])) == ours
