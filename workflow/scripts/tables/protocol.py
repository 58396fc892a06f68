from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import pandas as pd

from amc_loss.views import tables

csv, markdown, page = map(Path, snakemake.output)
pd.DataFrame(snakemake.params.rows).to_csv(csv, index=False)
markdown.write_text(text := tables.markdown(tables.comparison(snakemake.params.rows)))
page.write_text(tables.page(text))
