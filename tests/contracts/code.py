"""Our own code as text: which modules there are, what they import and which texts they hold."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = sorted(each.name for each in (ROOT / "services").iterdir() if (each / "__init__.py").exists())


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(), filename=str(path))


def paths_in(folder: str) -> list[Path]:
    """The modules below a folder of the repository; empty ones, which only make a package, left out."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.read_text().strip())


def modules_of(service: str) -> list[str]:
    """The names of the modules of a service."""
    paths = paths_in(f"services/{service}")
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


def imports_of(path: Path) -> set[str]:
    """The modules that a module imports, by the names that it writes."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module or ''}"}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def texts_in(folder: str) -> set[str]:
    """Every text constant of the modules below a folder."""
    return {
        node.value
        for path in paths_in(folder)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
