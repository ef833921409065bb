"""Numbers that carry check digits or a date in them: resident ids, bank accounts, cards."""

from __future__ import annotations

from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def is_resident_id(text: str) -> bool:
    """A Chinese resident identity number: region, date of birth, order, check character (GB 11643-1999, ISO 7064)."""
    text = text.upper()
    if len(text) != 18 or not text[:17].isdigit() or not "11" <= text[:2] <= "91":
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:17], strict=True))
    return 1880 <= born.year <= 2100 and text[17] == _CHECK[total % 11]


def is_iban(text: str) -> bool:
    """An international bank account number: remainder 1 modulo 97 (ISO 13616, ISO 7064)."""
    text = text.replace(" ", "").upper()
    if not 15 <= len(text) <= 34 or not (text.isalnum() and text.isascii()):
        return False
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def is_card(text: str) -> bool:
    """A payment card's number: an issuer's beginning and Luhn's check digit (ISO/IEC 7812-1)."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 14 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    if not (digits[0] in (3, 4, 5) or digits[:2] in ([6, 2], [6, 5], [6, 0]) or 22 <= digits[0] * 10 + digits[1] <= 27):
        return False
    doubled = [sum(divmod(2 * digit, 10)) if odd else digit for odd, digit in _from_the_right(digits)]
    return sum(doubled) % 10 == 0


def _from_the_right(digits: list[int]) -> list[tuple[bool, int]]:
    return [(position % 2 == 1, digit) for position, digit in enumerate(reversed(digits))]
