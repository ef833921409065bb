"""The house: imports run down only, and every room that the design names is there."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "extensions" / "regional_hub"
# From the roof down; rooms of one floor do not import one another.
FLOORS = [
    {"__main__"},
    {"operate"},
    {"portal"},
    {"sdg", "showcase", "academy", "office"},
    {"core"},
    {"hub"},
    {"cli", "settings", "settings_layers", "lab", "fast_start"},
]
# A command that opens a room by name does not import it: these strings are how `__main__` finds them.
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports(path: Path) -> set[str]:
    """The rooms that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "regional_hub":
                names = [f"regional_hub.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("regional_hub.")}
    return found


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_the_house(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    for other in imports(path) - {room}:
        same_floor_of_the_cellar = FLOOR[room] == FLOOR[other] == len(FLOORS) - 1
        assert FLOOR[room] < FLOOR[other] or same_floor_of_the_cellar, f"{room} imports {other}"


# The pages of a platform are Django's; all the rest of it is its domain.
PAGES = {"access", "actions", "api", "apps", "forms", "migrations", "models", "tasks", "templatetags", "urls", "views"}
PAGES |= {"signals"}
PAGES |= {"subscriptions"}  # of the database of the SDGs: letters to people


def is_domain(path: Path) -> bool:
    first = path.relative_to(PACKAGE).parts[1].removesuffix(".py")
    return first not in PAGES and not first.startswith("api_") and not path.name.endswith("commands.py")


PLATFORMS = ("sdg", "showcase")
DOMAIN = [path for name in PLATFORMS for path in sorted((PACKAGE / name).rglob("*.py")) if is_domain(path)]


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.name)
def test_domain_modules_import_neither_django_nor_jupyter(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert name.split(".")[0] not in ("django", "jupyterhub", "jupyter_server", "IPython", "notebook"), name


def test_every_room_is_on_a_floor() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith("__")}

    assert rooms - {"py.typed"} <= set(FLOOR)


def test_no_registry_host_and_no_secret_in_the_tree() -> None:
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))]
    for path in [*(ROOT / "requirements").iterdir(), ROOT / "package-lock.json", ROOT / "pyproject.toml", ROOT / "hub"]:
        text = path.read_text()
        for host in hosts:
            assert host not in text, f"{path.name} names {host}"
