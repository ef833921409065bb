"""What is declared of a publication, and how large its page will be: licence, environment, size."""

from __future__ import annotations

import json
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from regional_hub.showcase.checks.finding import Finding, Policy, Subject

LARGE_OUTPUT = 2 << 20


def licence(subject: Subject) -> list[Finding]:
    """Declared, and a licence that SPDX knows."""
    if not subject.licence:
        return [
            Finding(
                "",
                "no licence is declared: nobody may use it. Choose one, such as CC-BY-4.0.",
                "未声明许可证，他人无权使用。请选择，如 CC-BY-4.0。",
                "severe",
            )
        ]
    try:
        canonicalize_license_expression(subject.licence)
    except InvalidLicenseExpression:
        return [Finding("", f"SPDX knows no licence “{subject.licence}”", f"SPDX 中没有许可证“{subject.licence}”")]
    return []


def environment(subject: Subject) -> list[Finding]:
    """Whether somebody else can have the same environment: its image and its lock."""
    found = []
    if not subject.image:
        found.append(
            Finding("", "the image it was made in is not known", "未记录其制作时所用的镜像"),
        )
    if not subject.lock:
        found.append(Finding("", "the lock of its environment is not known", "未记录其环境锁"))
    elif subject.image_lock and subject.lock != subject.image_lock:
        found.append(Finding("", "it ran in an image with another lock", "运行时镜像的环境锁与记录不同"))
    return found


def size(subject: Subject, policy: Policy) -> list[Finding]:
    """Whether the page can be sent to a phone: the notebook as a whole, and single outputs."""
    found = []
    total = _bytes(subject.shown)
    if total > policy.page_bytes:
        most = policy.page_bytes >> 20
        text = f"with its outputs it has {total >> 20} MB, over {most}"
        found.append(Finding("", text, f"含输出共 {total >> 20} MB，超过 {most} MB", "severe"))
    for cell in subject.shown["cells"]:
        large = _bytes(cell.get("outputs", []))
        if large > LARGE_OUTPUT:
            found.append(Finding(f"{cell['id']} output", f"{large / 2**20:.1f} MB", f"{large / 2**20:.1f} MB"))
    return found


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
