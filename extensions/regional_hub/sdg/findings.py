"""What a validation found, row by row, in English and Chinese, and the policy that says how serious each rule is."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Severity = Literal["error", "warning", "info", "off"]
DEFAULTS = Path(__file__).with_name("policy.toml")

# rule -> what it says, in both languages; {column}, {value} and {detail} are filled in
TEXTS: dict[str, tuple[str, str]] = {
    "file": ("{detail}", "无法读取文件：{detail}"),
    "structure": (
        "the file follows {value}, it is read as {detail}",
        "文件遵循 {value}，按 {detail} 读取",
    ),
    "other-structure": (
        "the file follows {value}, which is not {detail}",
        "文件遵循 {value}，与 {detail} 不是同一结构",
    ),
    "empty-key": ("{column} is missing", "缺少 {column}"),
    "code": ("{value!r} is not a code of {column}{detail}", "{value!r} 不是 {column} 的代码{detail}"),
    "codelist": (
        "the codelist {detail} of {column} is not known, its codes are not checked",
        "{column} 的代码表 {detail} 未导入，未检查其代码",
    ),
    "mandatory": ("the mandatory attribute {column} is missing", "缺少必填属性 {column}"),
    "type": ("{column} is {value!r}, which is not {detail}", "{column} 的值 {value!r} 不符合要求：{detail}"),
    "number": ("{column} is {value!r}, which is no number{detail}", "{column} 的值 {value!r} 不是数字{detail}"),
    "time": ("{value!r} is not a time period that exists", "{value!r} 不是有效的时间段"),
    "frequency": ("the period {value!r} is not of frequency {detail}", "时间段 {value!r} 与频率 {detail} 不符"),
    "constraint": ("{column} = {value!r} is not allowed by {detail}", "{detail} 不允许 {column} = {value!r}"),
    "duplicate": (
        "the same observation stands in {detail}",
        "同一观测值已出现于 {detail}",
    ),
    "attributes": (
        "the same observation, with other attributes, stands in {detail}",
        "同一观测值（属性不同）已出现于 {detail}",
    ),
    "conflict": ("{value} here, but {detail}", "此处为 {value}，但 {detail}"),
    "bounds": ("the value {value} is {detail}", "数值 {value} 超出范围：{detail}"),
    "jump": ("the value {value} was {detail} before", "数值 {value} 与此前发布的 {detail} 相差过大"),
    "aggregate": ("the total {value} of {column} {detail}", "{column} 的合计 {value} 与分项不一致：{detail}"),
    "vanished": ("the series was published before ({detail}) and is gone", "此前发布的序列（{detail}）不再存在"),
}


class PolicyError(ValueError):
    """A policy file that cannot be used; the message names the key."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Part):
    component: str
    codes: list[str]
    lowest: float | None = None
    highest: float | None = None


class Aggregate(_Part):
    component: str
    total: str
    parts: list[str]


class Additive(_Part):
    component: str
    codes: list[str]
    between: list[str]
    tolerance: float


class Jump(_Part):
    factor: float


class Bounds(_Part):
    lower: str
    upper: str


class Policy(_Part):
    """Severities by rule and the figures that rules compare with; see `policy.toml`."""

    most_findings: int
    severity: dict[str, Severity]
    jump: Jump
    bounds: Bounds
    ranges: list[Range]
    aggregates: list[Aggregate]
    additive: Additive

    @classmethod
    def load(cls, changed: Path | None = None) -> Policy:
        """The policy of the project, changed by a file. Raises PolicyError for a key that nobody knows."""
        facts: dict[str, Any] = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
        if changed is not None and changed.is_file():
            try:
                more = tomllib.loads(changed.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise PolicyError(f"{changed}: {error}") from error
            facts |= more | {"severity": facts["severity"] | more.get("severity", {})}
        try:
            policy = cls.model_validate(facts)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise PolicyError(f"{changed}: {problems}") from None
        if unknown := policy.severity.keys() - TEXTS.keys():
            raise PolicyError(f"{changed}: no rule {', '.join(sorted(unknown))}; there are {', '.join(TEXTS)}")
        return policy

    def looks_at(self, rule: str) -> bool:
        return self.severity[rule] != "off"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where it stands, and what it is; `key` joins dimensions and time by `.`."""

    rule: str
    severity: Severity
    file: str
    line: int | None
    key: str
    column: str
    value: str
    message: str
    message_zh: str


@dataclass(frozen=True)
class Conflict:
    """An observation that is stated with different values: each value and its place."""

    key: str
    statements: tuple[Mapping[str, Any], ...]


@dataclass
class Report:
    """Everything that a validation found. Beyond `most_findings` of a rule, findings are counted and not kept.

    `duplicate_keys` are observations whose key was stated before, `conflicting_keys` keys with different values.
    """

    policy: Policy
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    files: int = 0
    observations: int = 0
    unique_keys: int = 0
    duplicate_keys: int = 0
    conflicting_keys: int = 0
    decided: set[tuple[str | None, ...]] = field(default_factory=set)

    def add(
        self,
        rule: str,
        *,
        file: str = "",
        line: int | None = None,
        key: str = "",
        column: str = "",
        value: str = "",
        detail: str = "",
        detail_zh: str | None = None,
    ) -> None:
        severity = self.policy.severity[rule]
        if severity == "off":
            return
        self.counts[rule] += 1
        if self.counts[rule] > self.policy.most_findings:
            return
        english, chinese = TEXTS[rule]
        said = english.format(column=column, value=value, detail=detail)
        said_zh = chinese.format(column=column, value=value, detail=detail if detail_zh is None else detail_zh)
        self.findings.append(Finding(rule, severity, file, line, key, column, value, said, said_zh))

    @property
    def blocking(self) -> bool:
        """Whether something stands in the way of publication."""
        return any(self.policy.severity[rule] == "error" and count for rule, count in self._open().items())

    def _open(self) -> dict[str, int]:
        """How often each rule found something that still stands: conflicts that are all decided do not."""
        counts = dict(self.counts)
        decided = {".".join(code or "" for code in key) for key in self.decided}
        if all(conflict.key in decided for conflict in self.conflicts):
            counts.pop("conflict", None)
        return counts

    def by_severity(self) -> dict[str, int]:
        found = {"error": 0, "warning": 0, "info": 0}
        for rule, count in self._open().items():
            found[self.policy.severity[rule]] += count
        return found

    def to_dict(self) -> dict[str, Any]:
        return {
            "observations": self.observations,
            "unique_keys": self.unique_keys,
            "duplicate_keys": self.duplicate_keys,
            "conflicting_keys": self.conflicting_keys,
            "files": self.files,
            "blocking": self.blocking,
            "severities": self.by_severity(),
            "rules": {rule: count for rule, count in self.counts.items() if count},
            "left_out": {rule: n - most for rule, n in self.counts.items() if n > (most := self.policy.most_findings)},
            "conflicts": [asdict(conflict) for conflict in self.conflicts],
            "findings": [asdict(finding) for finding in self.findings],
        }
