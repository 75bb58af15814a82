"""Electronic product codes of the scheme SGTIN-96: what an RFID tag on a product says.

96 bits as 24 hex digits: header 0x30, filter (3 bits), partition (3), GS1 company prefix and item
reference (44 together, divided by the partition), serial (38). GS1 EPC Tag Data Standard, §14.6.1.
"""

from __future__ import annotations

import re

_HEADER = 0x30
_FILTER_ITEM = 1  # a point-of-sale trade item
_SERIAL_BITS = 38
GREATEST_SERIAL = 2**_SERIAL_BITS - 1
_COMPANY_BITS = {12: 40, 11: 37, 10: 34, 9: 30, 8: 27, 7: 24, 6: 20}  # by digits: partition 0, 1 …
_PAIR_BITS = 44
_HEX = re.compile(r"[0-9A-Fa-f]{24}")


class EpcError(ValueError):
    """No SGTIN-96, or nothing that one can hold; the message says why."""


def check_digit(gtin: str) -> str:
    """The last digit that a GTIN-14 must have after its first 13.

    >>> check_digit("0400000001037")
    '1'
    """
    total = sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(gtin[:13]))
    return str(-total % 10)


def encode_sgtin(gtin: str, serial: int, company_digits: int = 7) -> str:
    """The EPC of one unit of a GTIN-14, 24 upper-case hex digits.

    How many digits of the GTIN are the company's prefix is not in the GTIN: 6 to 12 by contract
    with GS1. Raises EpcError where an argument is out of range or the check digit is wrong.
    """
    if not re.fullmatch(r"[0-9]{14}", gtin):
        raise EpcError(f"{gtin!r} is not a GTIN of 14 digits")
    if gtin[13] != check_digit(gtin):
        raise EpcError(
            f"{gtin}: the check digit is {gtin[13]}, it would have to be {check_digit(gtin)}"
        )
    if company_digits not in _COMPANY_BITS:
        raise EpcError(f"a company prefix has 6 to 12 digits, not {company_digits}")
    if not 0 <= serial <= GREATEST_SERIAL:
        raise EpcError(f"serial {serial} is not within 0 to {GREATEST_SERIAL}")
    item_bits = _PAIR_BITS - _COMPANY_BITS[company_digits]
    company = int(gtin[1 : 1 + company_digits])
    item = int(gtin[0] + gtin[1 + company_digits : 13])
    value = (_HEADER << 6 | _FILTER_ITEM << 3 | 12 - company_digits) << _PAIR_BITS
    value |= company << item_bits | item
    return f"{value << _SERIAL_BITS | serial:024X}"


def decode_sgtin(epc: str) -> tuple[str, int]:
    """GTIN-14 and serial of an SGTIN-96. Raises EpcError where it is not one."""
    if not _HEX.fullmatch(epc):
        raise EpcError(f"{epc[:64]!r} is not 24 hex digits")
    value = int(epc, 16)
    if value >> 88 != _HEADER:
        raise EpcError(f"{epc}: header {value >> 88:02x} is not that of an SGTIN-96")
    partition = value >> 82 & 0b111
    if partition > 6:
        raise EpcError(f"{epc}: partition {partition} is none of 0 to 6")
    company_digits = 12 - partition
    item_bits = _PAIR_BITS - _COMPANY_BITS[company_digits]
    pair = value >> _SERIAL_BITS & (1 << _PAIR_BITS) - 1
    company, item = pair >> item_bits, pair & (1 << item_bits) - 1
    if company >= 10**company_digits or item >= 10 ** (13 - company_digits):
        raise EpcError(f"{epc}: company prefix or item reference has too many digits")
    digits = f"{item:0{13 - company_digits}d}"
    gtin = f"{digits[0]}{company:0{company_digits}d}{digits[1:]}"
    return gtin + check_digit(gtin), value & GREATEST_SERIAL
