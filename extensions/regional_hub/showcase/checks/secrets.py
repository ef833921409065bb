"""Keys, tokens and passwords in what would be published. It says where and of which kind, never what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from detect_secrets.plugins.base import BasePlugin

from regional_hub.showcase.checks import texts
from regional_hub.showcase.checks.finding import Finding, Subject

# Those that know a form. The ones that only measure disorder take every hash for a secret.
_PLUGINS = (
    ("artifactory", "ArtifactoryDetector"),
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("cloudant", "CloudantDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("ibm_cloud_iam", "IbmCloudIamDetector"),
    ("ibm_cos_hmac", "IbmCosHmacDetector"),
    ("jwt", "JwtTokenDetector"),
    ("keyword", "KeywordDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("private_key", "PrivateKeyDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("softlayer", "SoftlayerDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
# What they do not know: our own Hub's tokens, newer forms, and the clouds of China.
_FORMS = {
    "JupyterHub token": re.compile(r"(?i)\b(?:jupyter\w*|hub\w*|api|auth\w*)[\w. \"':=\[\]()-]{0,40}\b[0-9a-f]{32}\b"),
    "token of an address": re.compile(r"(?i)[?&](?:token|access_token|api_?key|sig|signature)=[\w%.+/-]{16,}"),
    "authorization header": re.compile(r"(?i)authorization\W{1,6}(?:bearer|token|basic)\s+[\w.+/=-]{12,}"),
    "GitHub token": re.compile(r"\bgithub_pat_\w{22,}"),
    "AWS secret key": re.compile(r"(?i)aws[\w ]{0,30}(?:secret|key)\w*\W{1,6}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    "Aliyun access key": re.compile(r"\bLTAI[A-Za-z0-9]{12,30}\b"),
    "Tencent Cloud key": re.compile(r"\bAKID[A-Za-z0-9]{13,40}\b"),
    "Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
}
_HINT = re.compile(
    r"(?i)key|token|secret|passw|pwd|auth|api|private|://|eyJ|akia|asia|gh[pousr]_|glpat|xox|sk-|sk_|pypi-|npm|sq0|SG\.|"
    r"\d{8,10}:|[MN][\w-]{20,}\.|AC[0-9a-f]{32}|LTAI|AKID|hf_|jupyter|hub|-us\d|sig|AKC|\bAP[\dABCDEF]|密码|口令|credential"
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|\.{3,}|<.*>|your.*|example.*|changeme|none|null|true|false|todo|\$\{.*)$"
)


@cache
def _plugins() -> tuple[BasePlugin, ...]:
    return tuple(getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in _PLUGINS)


def check(subject: Subject) -> list[Finding]:
    """Every place with something that has the form of a secret."""
    found: list[Finding] = []
    for text in texts.of(subject):
        for place, line in text.lines():
            if _HINT.search(line):
                found += [_finding(place, kind) for kind in kinds(text.name, line)]
    return list(dict.fromkeys(found)) + texts.unseen(subject)


def kinds(name: str, line: str) -> Iterator[str]:
    """The kinds of secret in one line of a file of this name."""
    for kind, form in _FORMS.items():
        if form.search(line):
            yield kind
    for plugin in _plugins():
        for secret in plugin.analyze_line(filename=name, line=line, line_number=1):
            if not _is_placeholder(secret):
                yield str(secret.type)


def _is_placeholder(secret: Any) -> bool:
    return bool(_PLACEHOLDER.match(secret.secret_value or ""))


def _finding(place: str, kind: str) -> Finding:
    return Finding(
        place,
        f"looks like a secret ({kind}). Take it out and make it invalid: it was sent.",
        f"像是秘密（{kind}）。请删除并使其失效，因为它已被发送。",
        "severe",
    )
