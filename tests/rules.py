"""The workflow's rules as Snakemake has them once it has read the paper's study."""

import os
from functools import cache
from pathlib import Path
from unittest.mock import patch

from checkout import ROOT
from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings


@cache
def workflow():
    # Reading it sets the path of the processes that follow, which is not that of other tests' copies.
    with patch.dict(os.environ), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        return api.workflow(ResourceSettings(), ConfigSettings(), snakefile=ROOT / "Snakefile")._workflow


def rules() -> list[Rule]:
    """Those that run a script."""
    return [rule for rule in workflow().rules if rule.script]


def script(rule: Rule) -> Path:
    """Path of the script that a rule runs."""
    return Path(rule.basedir.get_path_or_uri(secret_free=True), rule.script).resolve()


def environment(rule: Rule) -> str:
    """Name of the file in `envs/` that a rule's conda environment is made of."""
    return Path(str(rule.conda_env)).stem


def is_local(rule: Rule) -> bool:
    """Whether a rule runs where Snakemake does, also on a cluster."""
    return rule.name in workflow()._localrules
