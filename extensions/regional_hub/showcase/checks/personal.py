"""Data of people: addresses, telephone numbers, identity and account numbers, and columns that are called like them.

It says where and how many, never which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from regional_hub.showcase.checks import numbers, tables, texts
from regional_hub.showcase.checks.finding import Finding, Subject

MANY = 5  # of one kind in one place: a list of people, not a contact
_MAIL = re.compile(
    r"[\w.+-]{1,64}@(?!example\.|localhost)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,}"
)
_MOBILE = re.compile(r"(?<![\d.])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\.?\d)")
_PHONE = re.compile(r"(?<![\w.])\+[1-9]\d{0,2}[ -]?\(?\d{1,4}\)?(?:[ -]?\d{2,4}){2,4}(?![\w.])")
_LANDLINE = re.compile(r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")
_RESIDENT = re.compile(r"(?<!\d)\d{17}[\dXx](?![\dA-Za-z])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"(?<![\d.])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{2,7}(?!\.?\d)")
# The first line of a passport's machine-readable zone (ICAO Doc 9303, part 4), and a number beside the word.
_ZONE = re.compile(r"P[A-Z<][A-Z]{3}[A-Z]+<[A-Z<]{25,}")
_PASSPORT = re.compile(r"(?i)(?:passport|护照)[^\d\n]{0,20}?\b[A-Z]{1,2}\d{7,8}\b")
_COLUMN = re.compile(
    r"(?i)^(?:(?:first|last|full|family|given|person|respondent|owner|patient|student)[ _-]?names?|names?|surname|"
    r"(?:mobile|cell|tele)?[ _-]?phone(?:[ _-]?(?:no|number))?|msisdn|mobile|e-?mail(?:[ _-]?address)?|"
    r"(?:national|resident|passport|person|citizen)[ _-]?(?:id|no|number)|"
    r"id[ _-]?(?:card|number|no)|ssn|pinfl|inn|passport|"
    r"(?:home|street)?[ _-]?address|date[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|dob|"
    r"iban|account[ _-]?(?:no|number)|imei|imsi|"
    r"姓名|名字|电话(?:号码)?|手机(?:号码?)?|身份证(?:号码?)?|证件号码?|护照(?:号码?)?|(?:家庭)?(?:住址|地址)|出生(?:日期|年月)|邮箱|电子邮件|银行卡号?|账号|车牌号?)$"
)

WORDS = {
    "mail": ("e-mail addresses", "电子邮件地址"),
    "phone": ("telephone numbers", "电话号码"),
    "resident": ("Chinese resident identity numbers", "居民身份证号"),
    "iban": ("bank account numbers (IBAN)", "银行账号（IBAN）"),
    "card": ("payment card numbers", "银行卡号"),
    "passport": ("passport numbers", "护照号码"),
}
ALWAYS = {"resident", "iban", "card", "passport"}


def check(subject: Subject) -> list[Finding]:
    """Per place and kind how many different ones, and columns with the names of personal data."""
    found: dict[tuple[str, str], set[str]] = {}
    for text in texts.of(subject):
        for place, line in text.lines():
            for kind, value in kinds(line):
                where = place.rpartition(":")[0] if text.is_file else place
                found.setdefault((where, kind), set()).add(value)
    listed = [_finding(where, kind, len(values)) for (where, kind), values in found.items()]
    return listed + _columns(subject) + texts.unseen(subject)


def kinds(line: str) -> Iterator[tuple[str, str]]:
    """The kinds of personal data in a line, each with what was found; that leaves this module in no way."""
    for match in _MAIL.finditer(line):
        yield "mail", match[0].lower()
    for match in _ZONE.finditer(line):
        yield "passport", match[0]
    if sum(map(str.isdigit, line)) < 7:
        return
    for form in (_MOBILE, _PHONE, _LANDLINE):
        for match in form.finditer(line):
            yield "phone", re.sub(r"\D", "", match[0])[-11:]
    for match in _PASSPORT.finditer(line):
        yield "passport", match[0][-10:]
    for kind, form, is_one in (
        ("resident", _RESIDENT, numbers.is_resident_id),
        ("iban", _IBAN, numbers.is_iban),
        ("card", _CARD, numbers.is_card),
    ):
        for match in form.finditer(line):
            if is_one(match[0]) and not (kind == "card" and numbers.is_resident_id(match[0])):
                yield kind, match[0].replace(" ", "")


def _finding(where: str, kind: str, count: int) -> Finding:
    word, word_zh = WORDS[kind]
    severe = kind in ALWAYS or count >= MANY
    return Finding(where, f"{word}: {count}", f"{word_zh}：{count} 个", "severe" if severe else "look")


def _columns(subject: Subject) -> list[Finding]:
    named: Counter[tuple[str, str]] = Counter()
    for table in tables.of(subject):
        for column in table.columns:
            if _COLUMN.match(column.strip()):
                named[table.where, column.strip()] += 1
    return [
        Finding(where, f"a column is called “{name}”: is it of people?", f"有一列名为“{name}”，是否涉及个人？")
        for where, name in named
    ]
