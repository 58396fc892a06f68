"""The paper's study: its configuration, the schema of that, and the numbers that the paper prints."""

import pandas as pd
import yaml
from checkout import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TABLE1 = pd.read_csv(ROOT / "resources/paper/table1.csv")
