import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
        for name in ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "resources/paper"):
            source, target = ROOT / name, path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake; gives what it printed."""
        command = [self.python, "-m", "snakemake", *arguments]
        # The copy has to find its own library, not an installed one.
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.path / "workflow" / "scripts"),
            **self.environment,
        }
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

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a file of the workflow."""
        path = self.path / file
        assert old in path.read_text(), f"{file} has no {old!r}"
        path.write_text(path.read_text().replace(old, new))
