"""Digests of the code that a rule runs, so that a change in it, and only in it, makes the rule run again."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
DYNAMIC = ("__import__", "import_module")
# They say what happened, or stop; no model, number or picture depends on them.
WITHOUT_EFFECT = frozenset({"data.compatibility", "jobs.interruption", "jobs.logs", "jobs.provenance"})


def code_digest(script: Path) -> str:
    """Digest of an entry script and the modules of this package that it imports, directly or through others.

    Comments, docstrings and blank lines do not count, nor do time stamps: they cannot change a result.

    Args:
        script: Path of the entry script.

    Raises:
        OSError: If the script cannot be read.
        ImportError: If an import of this package leads nowhere or cannot be followed.
    """
    modules = "".join(
        f"{file.relative_to(PACKAGE).as_posix()}\n{_code(file)}\n" for file in imported_modules(script)
    )
    return hashlib.sha256(f"{_code(script)}\n{modules}".encode()).hexdigest()


def imported_modules(script: Path) -> list[Path]:
    """The files of this package that a script runs when it imports them, directly or through others, sorted.

    Raises:
        ImportError: If an import of this package leads nowhere or cannot be followed.
    """
    found: set[Path] = set()
    todo = [script]
    while todo:
        new = direct_imports(todo.pop()) - found
        found |= new
        todo += new
    return sorted(found)


@cache
def direct_imports(path: Path) -> frozenset[Path]:
    """The files of this package that a file's own import statements run.

    Raises:
        ImportError: As for `imported_modules`.
    """
    files: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        try:
            for module in _modules(node, path):
                files |= _files(module)
        except ImportError as error:
            raise ImportError(f"{path}, line {getattr(node, 'lineno', 0)}: {error}") from None
    return frozenset(files)


def _modules(node: ast.AST, path: Path) -> Iterator[str]:
    """The modules of this package, by their dotted names, that a node of a file's syntax imports."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if _is_ours(alias.name))
        case ast.ImportFrom(module=module, names=names, level=level):
            origin = ".".join(filter(None, [_parent(path, level), module])) if level else str(module)
            if not _is_ours(origin):
                return
            yield origin
            parent = _place(origin) / "__init__.py"
            for alias in names:
                if alias.name == "*":
                    raise ImportError(f"'from {origin} import *' does not say what it imports")
                if parent.is_file() and alias.name not in _names(parent):
                    yield f"{origin}.{alias.name}"
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in DYNAMIC:
            raise ImportError(f"what {name}() imports cannot be followed; use an import statement")


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE.name


def _parent(path: Path, level: int) -> str:
    """The package to which a relative import with so many dots refers."""
    if not path.is_relative_to(PACKAGE):
        raise ImportError("a relative import outside the package")
    return ".".join(path.relative_to(PACKAGE.parent).parts[:-level])


def _place(module: str) -> Path:
    """Where a module lies: the path of its file without the ending, or its folder."""
    return PACKAGE.parent.joinpath(*module.split("."))


def _files(module: str) -> set[Path]:
    """What runs when a module is imported: its file, and ``__init__.py`` of each package that it is in."""
    if module.removeprefix(f"{PACKAGE.name}.") in WITHOUT_EFFECT:
        return set()
    place = _place(module)
    # As Python does: a package before a module; a folder without __init__.py is neither here.
    file = place / "__init__.py"
    if not file.is_file():
        file = place.with_name(f"{place.name}.py")
    if not file.is_file():
        raise ImportError(f"there is no module {module!r} in {PACKAGE}")
    parent = module.rpartition(".")[0]
    return {file} | (_files(parent) if parent else set())


@cache
def _names(path: Path) -> frozenset[str]:
    """The names that a module binds at its top, also within a condition there."""
    names = {"__doc__", "__file__", "__name__"}
    todo: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while todo:
        match node := todo.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.Lambda():
                pass  # with names of their own
            case _:
                todo += ast.iter_child_nodes(node)
    return frozenset(names)


@cache
def _code(path: Path) -> str:
    """Source without comments, docstrings and blank lines; text within quotes is left as it is."""
    source = path.read_text("utf-8")
    lines = source.split("\n")
    quoted: set[int] = set()
    tree = ast.parse(source)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column]
    docstrings = [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node) is not None
        and isinstance(node.body[0], ast.Expr)
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr() if node not in docstrings:
                # Its last line ends with a quote or code.
                quoted.update(range(node.lineno, node.end_lineno or node.lineno))
    for node in docstrings:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        rest = lines[last].encode()[node.end_col_offset :].decode()
        lines[first] = lines[first].encode()[: node.col_offset].decode() + rest
        lines[first + 1 : last + 1] = [""] * (last - first)
    kept = [
        line if number in quoted else line.rstrip()
        for number, line in enumerate(lines, 1)
        if number in quoted or line.strip()
    ]
    return "\n".join(kept)
