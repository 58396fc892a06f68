"""Digests of the code that a rule runs, so that a change in it, and only in it, makes the rule run again."""

import ast
import hashlib
import io
import tokenize
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# They say what happened; no model, number or picture depends on them.
WITHOUT_EFFECT = frozenset({"interruption", "logs", "provenance"})


def code_digest(script: Path) -> str:
    """Digest of an entry script and the modules of this package that it imports, directly or through others.

    Comments, docstrings and blank lines do not count, nor do time stamps: they cannot change a result.

    Args:
        script: Path of the entry script.

    Raises:
        OSError: If the script cannot be read.
    """
    files = [script, *modules_of(script)]
    return hashlib.sha256("".join(f"{file.name}\n{_code(file)}\n" for file in files).encode()).hexdigest()


def modules_of(script: Path) -> list[Path]:
    """The modules of this package that a script imports, directly or through others, sorted."""
    found: set[Path] = set()
    todo = [script]
    while todo:
        new = _imports(todo.pop()) - found
        found |= new
        todo += new
    return sorted(found)


@cache
def _imports(path: Path) -> frozenset[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    modules = [name.removeprefix(f"{PACKAGE.name}.") for name in names if name.startswith(f"{PACKAGE.name}.")]
    return frozenset(
        file
        for file in (PACKAGE / f"{module}.py" for module in modules if module not in WITHOUT_EFFECT)
        if file.exists()
    )


@cache
def _code(path: Path) -> str:
    """Source without comments, docstrings and blank lines."""
    source = path.read_text()
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            docstring = node.body[0]
            for line in range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno):
                lines[line] = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())
