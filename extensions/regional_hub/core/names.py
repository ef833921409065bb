"""The rules for names of people and groups. They become names of Hub users, folders and containers, so they are strict.

Plain Python: knows neither Django nor Jupyter.
"""

from __future__ import annotations

import re

PERSON = re.compile(r"[a-z][a-z0-9-]{1,29}")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?")
SERVER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
RESERVED = frozenset(
    {"showcase", "portal", "hub", "gateway", "dask-gateway", "root", "jovyan", "operator", "system", "anyone", "nobody"}
)
RESERVED_PREFIXES = ("project-", "course-", "admin-", "exam-", "service-")
PROJECT = "project-"

# Name, title in English, title in Chinese. A hub always has these; they are the roles of `permissions`.
ROLES = (
    ("admins", "Administrators", "管理员"),
    ("staff", "Staff", "工作人员"),
    ("researchers", "Researchers", "研究人员"),
    ("instructors", "Instructors", "讲师"),
    ("trainees", "Trainees", "学员"),
    ("reviewers", "Reviewers", "评审员"),
    ("stewards", "Data stewards", "数据管理员"),
    ("collaborators", "Collaborators", "合作者"),
)


def is_person(name: str) -> bool:
    """Whether a person may have this name: 2 to 30 of a-z, 0-9 and -, first a letter, and not a name of a service."""
    return bool(PERSON.fullmatch(name)) and name not in RESERVED and not name.startswith(RESERVED_PREFIXES)


def is_project(group: str) -> bool:
    """Whether a group is a project: it owns servers that its members share."""
    return group.startswith(PROJECT) and bool(SLUG.fullmatch(group.removeprefix(PROJECT)))


def is_server(name: str) -> bool:
    """Whether a named server may have this name. `default` means the server without a name in addresses."""
    return bool(SERVER.fullmatch(name)) and name != "default"
