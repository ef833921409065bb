"""What JupyterHub and we say, in two languages: no page, no Hub."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment
from jinja2.ext import extract_from_ast
from jupyterhub.scopes import scope_definitions

from regional_hub.hub import words
from regional_hub.hub.pages import TEMPLATES, InTheReadersLanguage

ENVIRONMENT = Environment(extensions=[InTheReadersLanguage])


def _template_messages() -> list[tuple[str, str]]:
    found = []
    for template in sorted(TEMPLATES.glob("*.html")):
        for _line, function, message in extract_from_ast(ENVIRONMENT.parse(template.read_text(encoding="utf-8"))):
            text = message if isinstance(message, str) else message[0]
            found.append((function, str(text)))
    return found


def test_every_message_of_the_templates_is_in_chinese():
    catalog = words.catalog()

    missing = {
        text
        for function, text in _template_messages()
        if not (catalog.plural if function == "ngettext" else catalog.whole).get(text)
    }

    assert len(_template_messages()) > 100
    assert not missing


def test_translations_keep_the_placeholders_of_their_messages():
    holes = re.compile(r"%\(\w+\)s|\{\w+\}")

    wrong = [
        english
        for english, chinese in words.catalog().whole.items()
        if not set(holes.findall(chinese)) <= set(holes.findall(english))
    ]

    assert not wrong


def test_every_scope_that_jupyterhub_describes_is_described_in_chinese():
    missing = [
        scope for scope, facts in scope_definitions.items() if words.reword(facts["description"], words.CHINESE) is None
    ]

    assert not missing


@pytest.mark.parametrize(
    ("said", "chinese"),
    [
        ("No such user: ann", "没有用户 ann"),
        ("Spawn failed: Timeout", "启动失败：超时"),
        ("Spawn failed: HTTP 404: Not Found (No such user: ann)", "启动失败：没有用户 ann"),
        ("Active user limit exceeded.  Try again in a few minutes.", "运行中的服务器已达上限，请几分钟后重试。"),
        ('Server ready at <a href="/user/a/">/user/a/</a>', '服务器已就绪：<a href="/user/a/">/user/a/</a>'),
        (
            "Too many users trying to log in right now. Try again in 2 minutes.",
            "目前同时启动的人太多，请在 2 分钟后重试。",
        ),
        ("The image is missing. / 缺少镜像。", "缺少镜像。"),
        ("Spawn failed: The image is missing. / 缺少镜像。", "启动失败：缺少镜像。"),
        ("Nobody knows a / b. / 没人知道 a / b。", "没人知道 a / b。"),
    ],
)
def test_finished_messages_are_recognised_and_said_in_chinese(said, chinese):
    assert words.reword(said, words.CHINESE) == chinese


def test_a_message_that_nobody_translated_is_known_to_be_unknown():
    assert words.reword("flux capacitor exploded", words.CHINESE) is None
    assert words.reword("flux capacitor exploded", words.ENGLISH) == "flux capacitor exploded"


def test_an_english_reader_sees_no_chinese_of_a_message_in_both_languages():
    assert words.reword("The image is missing. / 缺少镜像。", words.ENGLISH) == "The image is missing."
    assert words.reword("Read a / b", words.ENGLISH) == "Read a / b"


def test_progress_events_carry_both_languages_and_keep_the_spawners_own_chinese():
    plain = words.bilingual({"progress": 0, "message": "Server requested"})
    ours = words.bilingual({"progress": 20, "message": "Starting", "message_zh": "正在启动"})
    failed = words.bilingual({"failed": True, "message": "Spawn failed: No room. / 没有空间。"})

    assert plain == {"progress": 0, "message": "Server requested", "message_zh": "已请求服务器"}
    assert ours["message_zh"] == "正在启动"
    assert failed["message"] == "Spawn failed: No room."
    assert failed["message_zh"] == "启动失败：没有空间。"


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("zh-hans", "en", "zh-hans"),
        ("en", "zh-CN,zh;q=0.9", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        (None, "fr, en;q=0.5, zh-TW;q=0.7", "zh-hans"),
        (None, "zh;q=0, en;q=0.1", "en"),
        ("xx", "fr", None),
        (None, "en;q=1.2.3, zh", "zh-hans"),
        (None, None, None),
    ],
)
def test_cookie_decides_the_language_then_the_browser(cookie, header, language):
    assert words.asked_for(cookie, header, ["en", "zh-hans"]) == language


def test_a_language_that_is_not_offered_is_not_given():
    assert words.asked_for("zh-hans", "zh", ["en"]) is None
