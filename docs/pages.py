"""Write the pages that are made from the configuration: `make docs`."""

from pathlib import Path

import yaml

from amc_loss import protocol, tables
from amc_loss.config import Study

ROOT = Path(__file__).parents[1]
PROTOCOL = """# How the paper was read

`config.yaml` follows the paper wherever it speaks, and the protocol `released_code` the code that its
authors released later, for CIFAR-10 alone. `protocol: released_code` chooses it; each setting can be set
otherwise by itself. A study's own page, `results/<study>/tables/protocol.md`, has its settings beside these.
This one is made by `make docs`.

## Protocols

`source` is the place in the paper, or how the paper was read. Where the released code does otherwise its
value is bold. It has no + Euclid, no network for Figures 1 and 4, and no test of significance.

{protocols}
## What both share

{readings}
Not settings:

- Time t in epochs is counted from 0, so that w(0) = exp(-5), though Algorithm 1 counts from 1.
- The auxiliary loss is computed in float32 whatever the precision of the rest.
- Dimension 2 and 3 of Figures 1 and 4 are the output of a linear 1×1 convolution from 64 maps, before the
  pool: the appendix gives the dimension of the pool's output, Table 2 keeps 64 maps above it.
- The p-values of Figure 7 compare with the cross-entropy baseline of the same seeds, for the paper does not
  name the other side.
- Table 1 tests + AMC-Loss against + Euclid, and clustering metrics are of the test set: so says the paper.
- Each Grad-CAM map is divided by its maximum, so that maps share one scale of colours.
- The released code updates its moving average after each step, from the initial values, and uses the
  labels that it predicts when it trains; the script that draws uses the true ones and trains nothing.
- [performance.md](performance.md) measures the "1-2 seconds per epoch" that AMC-Loss costs in the paper.
"""

SETTINGS = """# Settings

`../config.yaml` has every setting with its place in the paper. A study of your own is a file with what
differs, given as `--configfile`: mappings are merged key by key, lists are replaced. The sections `losses`,
`contrastive`, `network`, `training`, `evaluation` and `grad_cam` stand beside `study`, or in a protocol of
your own under `protocols`. A key that is not here is refused before anything runs.

{settings}
This page is made from [the schema](../workflow/schemas/config.schema.yaml) by `make docs`.
"""


def pages() -> dict[str, str]:
    """The text of each page, by its path."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    study = Study(yaml.safe_load((ROOT / "config.yaml").read_text()), schema)
    rows = protocol.compare(schema, {name: study.protocols[name] for name in ("paper", "released_code")})
    for row in rows:
        if row["released_code"] != row["paper"]:
            row["released_code"] = f"**{row['released_code']}**"
    readings = protocol.readings(schema, study.config)
    settings = protocol.settings(schema, study.config)
    for row in settings:
        row["setting"] = f"`{row['setting']}`"
    return {
        "docs/protocol.md": PROTOCOL.format(
            protocols=tables.markdown(rows), readings=tables.markdown(readings)
        ),
        "config/README.md": SETTINGS.format(settings=tables.markdown(settings)),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text)
