"""Ledgers of several studies side by side, by `python -m amc_loss claims`."""

import pandas as pd
import pytest

from amc_loss.__main__ import main


def ledger(folder, verdicts):
    path = folder / "tables/claims.csv"
    path.parent.mkdir(parents=True)
    rows = [
        {
            "claim": claim,
            "kind": "claim",
            "section": "4.2",
            "statement": f"About | {claim}.",
            "claim_verdict": verdict,
        }
        for claim, verdict in verdicts.items()
        for _ in range(2)  # parts
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(folder)


def test_a_row_a_claim_and_a_column_a_study(tmp_path, capsys):
    first = ledger(tmp_path / "paper", {"accuracy": "holds", "maps": "mixed"})
    second = ledger(tmp_path / "laptop", {"accuracy": "undecided"})
    third = ledger(tmp_path / "elsewhere/paper", {"accuracy": "does not hold"})
    main(["claims", first, second, third])
    lines = capsys.readouterr().out.splitlines()
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert [name.strip() for name in header] == ["section", "claim", "paper", "laptop", third]
    assert [row[1:] for row in rows] == [
        [r"About \| accuracy.", "holds", "undecided", "does not hold"],
        [r"About \| maps.", "mixed", "", ""],
    ]


def test_a_study_without_a_ledger_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"claims.csv does not exist; `snakemake claims` makes it"):
        main(["claims", str(tmp_path)])
