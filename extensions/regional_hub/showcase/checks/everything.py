"""All checks that read, in their order; each result is given as soon as it is there. `run` is the one that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from regional_hub.showcase.checks import compare, declared, disclosure, personal, pictures, secrets
from regional_hub.showcase.checks.finding import NAMES, Finding, Policy, Result, Subject, judge

CHECKS: dict[str, Callable[[Subject, Policy], Sequence[Finding]]] = {
    "same": compare.check,
    "secrets": lambda subject, _policy: secrets.check(subject),
    "personal": lambda subject, _policy: personal.check(subject),
    "disclosure": disclosure.check,
    "pictures": lambda subject, _policy: pictures.check(subject),
    "licence": lambda subject, _policy: declared.licence(subject),
    "environment": lambda subject, _policy: declared.environment(subject),
    "size": declared.size,
}
assert ("runs", *CHECKS) == NAMES


def examine(subject: Subject, policy: Policy) -> Iterator[Result]:
    """The results one by one. A check that breaks counts as a severe finding."""
    for name, check in CHECKS.items():
        try:
            found = check(subject, policy)
        except Exception as error:  # one content that breaks a parser must not end the others' checks
            kind = type(error).__name__
            found = [Finding("", f"the check itself failed ({kind})", f"检查本身出错（{kind}）", "severe")]
        yield judge(name, found, policy)
