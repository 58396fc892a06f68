import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A test double for conda, to be put first on the PATH.
CONDA = ROOT / "tests/conda_double/bin"

# A study through every rule, as small as it can be.
STUDY = {
    "study": {"name": "tiny", "seeds": [0, 1]},
    # A protocol of its own, so that every rule has to get along with one.
    "protocol": "tiny",
    "protocols": {"tiny": {"training": {"beta2": 0.99}}},
    "network": {"width_multiplier": {"top": 0.03, "bottom": 0.1}},
    "training": {
        "schedule": {column: {"epochs": 2, "ramp_up": 1, "ramp_down": 1} for column in ("top", "bottom")},
        "batch_size": 256,
    },
    "figures": {"figure7": {"seeds": [0, 1], "vary": {"weight": [0.1], "margin": [0.5, 1.0]}}},
}
# One for Table 1 alone.
ONE_TABLE = {
    "study": {"name": "tiny", "seeds": [0]},
    "network": {"width_multiplier": {"top": 0.03}},
    "training": {"schedule": {"top": {"epochs": 2, "ramp_up": 1, "ramp_down": 1}}, "batch_size": 256},
    "figures": {"figure7": {"seeds": [0]}},
}
ARGUMENTS = ["--workflow-profile", "profiles/demo", "--configfile", "profiles/demo/study.yaml", "tiny.yaml"]


class Checkout:
    """A copy of the workflow in a folder of its own, and Snakemake in it.

    Args:
        path: The folder.
        python: The Python that has Snakemake.

    Attributes:
        environment: What Snakemake has in its environment besides that of the tests.
    """

    def __init__(self, path: Path, python: str | Path = sys.executable) -> None:
        self.path = path
        self.python = python
        self.environment: dict[str, str] = {}
        for name in (
            "Snakefile",
            "CITATION.cff",
            "config.yaml",
            "workflow",
            "src",
            "config",
            "profiles",
            "envs",
            "resources/paper",
        ):
            source, target = ROOT / name, path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake; gives what it printed."""
        command = [self.python, "-m", "snakemake", *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert (done.returncode == 0) == check, done.stdout
        return done.stdout

    def jobs(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run schedules."""
        output = self.snakemake("--dry-run", *arguments)
        if "Nothing to be done" in output:
            return {}
        table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", output, re.DOTALL)
        assert table, output
        return {name: int(count) for name, count in (line.split() for line in table[1].splitlines())}

    def dataset(self, name: str) -> Path:
        """The one file that was made of a dataset."""
        (path,) = self.path.glob(f"resources/datasets/{name}-*.npz")
        return path

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a file of the workflow."""
        path = self.path / file
        assert old in path.read_text(), f"{file} has no {old!r}"
        path.write_text(path.read_text().replace(old, new))


def imports(path: Path) -> set[str]:
    """The packages that a Python file imports, without the standard library and our own."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"amc_loss"}
