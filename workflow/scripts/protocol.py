from amc_loss.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import pandas as pd

from amc_loss import tables

csv, markdown = snakemake.output
pd.DataFrame(snakemake.params.rows).to_csv(csv, index=False)
Path(markdown).write_text(tables.markdown(snakemake.params.rows))
