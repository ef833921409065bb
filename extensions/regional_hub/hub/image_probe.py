"""Run inside an image by `./hub image verify`: prints as JSON what is there. Imports the standard library alone."""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import stat
import sys
import sysconfig
from pathlib import Path


def uncompiled(top: str) -> int:
    """How many modules would be compiled at every start, because nobody in a container may write the result."""
    missing = 0
    for source in Path(top).rglob("*.py"):
        cached = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        if "site-packages" in str(source) and not cached.exists() and not refuses(source):
            missing += 1
    return missing


def refuses(source: Path) -> bool:
    """Whether this file is no Python 3.11 (templates and tests of some packages are not)."""
    try:
        compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return True
    return False


def privileged() -> list[str]:
    """Programs that give whoever runs them another user or group."""
    found = []
    for folder in ("/bin", "/opt", "/sbin", "/usr"):
        for place, _, files in os.walk(folder):
            for name in files:
                mode = (Path(place) / name).lstat().st_mode
                if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                    found.append(f"{place}/{name}")
    return sorted(set(found))


def authorities() -> list[str]:
    """SHA-256 of each certificate in the system's bundle, as it is written there without white space."""
    text = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")).read_text()
    bodies = re.findall(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", text, re.DOTALL)
    return [hashlib.sha256("".join(body.split()).encode()).hexdigest() for body in bodies]


def markers() -> dict[str, str]:
    """The values of the environment markers that decide which lines of a lock apply here."""
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_system": platform.system(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


print(
    json.dumps(
        {
            "packages": {
                d.name: d.version for d in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
            },
            "markers": markers(),
            "uid": os.getuid(),
            "uncompiled": uncompiled(sysconfig.get_path("purelib")),
            "privileged": privileged(),
            "authorities": authorities(),
        }
    )
)
