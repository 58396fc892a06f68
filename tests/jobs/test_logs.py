"""Where an entry script's output goes."""

import subprocess
import sys


def test_a_log_gets_output_of_every_kind(tmp_path):
    log = tmp_path / "rule.log"
    code = (
        "import os, sys; from amc_loss.jobs.logs import redirect; redirect(sys.argv[1]);"
        "print('printed'); os.write(2, b'from a library\\n'); raise RuntimeError('at last')"
    )
    done = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
    text = log.read_text()
    for part in ("--- started ", "printed\n", "from a library\n", "Traceback", "RuntimeError: at last"):
        assert text.count(part) == 1
    assert text.index("printed") < text.index("from a library") < text.index("Traceback")
