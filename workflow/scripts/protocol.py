from amc_loss.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import pandas as pd

csv, markdown = map(Path, snakemake.output)
table = pd.DataFrame(snakemake.params.rows)
table.to_csv(csv, index=False)
markdown.write_text(table.to_markdown(index=False, disable_numparse=True) + "\n")
