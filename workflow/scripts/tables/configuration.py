from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import yaml
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import YamlLexer

text = yaml.safe_dump(snakemake.params.study, allow_unicode=True)
plain, page = map(Path, snakemake.output)
plain.write_text(text)
page.write_text(highlight(text, YamlLexer(), HtmlFormatter(full=True, title="Configuration")))
