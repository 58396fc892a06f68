"""Tables as they are read."""

import re
from functools import partial

import pandas as pd
import pytest
from settings import STUDY

from amc_loss.measures.aggregates import CLUSTERING_METRICS
from amc_loss.training import networks
from amc_loss.views import tables, text

NAN = float("nan")
TABLE1 = pd.DataFrame(
    [
        ("cifar10", "cross_entropy", 5, 82.347, 0.171, NAN, 82.35, 0.17, NAN),
        ("cifar10", "euclidean", 5, 82.604, 0.214, NAN, 82.60, 0.21, NAN),
        ("cifar10", "amc", 5, 82.968, 0.196, 0.021, 82.97, 0.20, 0.0214),
        ("digits", "cross_entropy", 1, 97.5, NAN, NAN, NAN, NAN, NAN),
        ("digits", "euclidean", 1, 96.0, NAN, NAN, NAN, NAN, NAN),
        ("digits", "amc", 1, 97.0, NAN, NAN, NAN, NAN, NAN),
    ],
    columns=["dataset", "loss", "n", "mean", "sd", "p_value", "paper_mean", "paper_sd", "paper_p_value"],
)

TITLES = {"cifar10": "CIFAR-10", "digits": "R&D #1_digits"}


@pytest.fixture
def written(tmp_path):
    paths = [str(tmp_path / f"table1.{end}") for end in ("csv", "md", "tex", "html")]
    tables.write(TABLE1, partial(tables.readable_table1, titles=TITLES, losses=STUDY), paths)
    return {path.suffix: path.read_text() for path in tmp_path.iterdir()}


def test_csv_keeps_full_precision(written):
    assert "cifar10,amc,5,82.968,0.196,0.021,82.97,0.2,0.0214" in written[".csv"]


def test_markdown_has_the_best_of_each_dataset_in_bold(written):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in written[".md"].splitlines()]
    assert rows[0] == ["Dataset", "Loss", "Runs", "Mean ± SD", "p-value", "Paper", "Paper's p-value"]
    assert rows[4] == ["CIFAR-10", "+ AMC-Loss", "5", "**82.97 ± 0.20**", "0.0210", "82.97 ± 0.20", "0.0214"]
    assert rows[5] == [r"R\&D #1_digits", "Cross-entropy", "1", "**97.50**", "", "–", ""]
    assert written[".md"].count("**") == 4


def test_latex(written):
    assert (
        r"CIFAR{-}10 & + AMC{-}Loss & 5 & \textbf{82.97 $\pm$ 0.20} & 0.0210 & 82.97 $\pm$ 0.20 & 0.0214 \\"
        in written[".tex"]
    )
    assert written[".tex"].count(r"\textbf") == 2
    assert r"R\&D \#1\_digits & Cross{-}entropy" in written[".tex"]
    assert r"\toprule" in written[".tex"]
    assert "±" not in written[".tex"]


def test_latex_has_signs_that_its_first_fonts_have_not_as_mathematics():
    table = TABLE1.assign(p_value=0.00001)
    assert set(tables.readable_table1(table, "tex", TITLES, STUDY)["p-value"]) == {"$<$ 0.0001"}


def test_words_start_at_the_left_and_numbers_end_at_the_right(written):
    sides = written[".md"].splitlines()[1].strip("|").split("|")
    assert [(side[0], side[-1]) for side in sides] == [(":", "-")] * 2 + [("-", ":")] * 5
    assert r"\begin{tabular}{llrrrrr}" in written[".tex"]
    assert written[".html"].count('<td style="text-align:right">') == 5 * 6


def test_html_has_the_cells_and_takes_no_title_for_markup(tmp_path):
    titles = {**TITLES, "digits": "<b>*R&D*</b>"}
    tables.write(
        TABLE1, partial(tables.readable_table1, titles=titles, losses=STUDY), [str(tmp_path / "table1.html")]
    )
    cells = re.findall(r"<t[hd].*?>(.*?)</t[hd]>", (tmp_path / "table1.html").read_text())
    assert cells[:4] == ["Dataset", "Loss", "Runs", "Mean ± SD"]
    assert cells[7 * 3 : 7 * 3 + 4] == ["CIFAR-10", "+ AMC-Loss", "5", "<strong>82.97 ± 0.20</strong>"]
    assert cells[7 * 4] == "&lt;b&gt;*R&amp;D*&lt;/b&gt;"


def test_a_title_is_no_markup():
    table = TABLE1[TABLE1["dataset"] == "digits"]
    titles = {"digits": r"a|b {c}^2 ~$5 \d"}
    assert tables.readable_table1(table, "md", titles, STUDY)["Dataset"].iloc[0] == r"a\|b {c}^2 \~\$5 \\d"
    assert tables.readable_table1(table, "tex", titles, STUDY)["Dataset"].iloc[0] == (
        r"a\textbar{}b \{c\}\textasciicircum{}2 \textasciitilde{}\$5 \textbackslash{}d"
    )


def test_p_values_and_means():
    assert text.format_p_value(0.00004) == "< 0.0001"
    assert text.format_p_value(NAN) == ""
    assert text.mean_sd(NAN, NAN, "md") == "–"


def test_clustering_in_bold_for_each_metric():
    rows = {"dataset": ["svhn", "svhn"], "loss": ["euclidean", "amc"], "n": [5, 5]}
    for number, metric in enumerate(CLUSTERING_METRICS):
        rows |= {f"{metric}_mean": [0.9, 0.8 + 0.2 * (number == 2)], f"{metric}_sd": [0.01, 0.02]}
    table = tables.readable_clustering(pd.DataFrame(rows), "md", {"svhn": "SVHN"}, STUDY)
    assert set(table["Dataset"]) == {"SVHN"}
    assert table.loc[0, "Homogeneity"] == "**0.9000 ± 0.0100**"
    assert table.loc[1, "Completeness"] == "0.8000 ± 0.0200"
    assert table.loc[1, "V-measure"] == "**1.0000 ± 0.0200**"


def test_table_2_sums_parameters():
    layers = networks.summarise(networks.build("top", 3, 10), (3, 32, 32))
    table = tables.table2({"top": layers})
    assert table["parameters"].iloc[-1] == 3_121_802
    assert table.set_index("layer").loc["conv3_1", "output_shape"] == "512×6×6"
    tex = tables.readable_table2(table, "tex").to_latex(index=False)
    assert r"conv3\_1" in tex
    assert r"3$\times$3 conv. 512, lReLU ($\alpha$ = 0.1), valid padding" in tex
    assert not set("±×→σα") & set(tex)


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"no table format '.doc'"):
        tables.write(
            TABLE1,
            partial(tables.readable_table1, titles=TITLES, losses=STUDY),
            [str(tmp_path / "table.doc")],
        )


@pytest.mark.parametrize(
    ("means", "bold"),
    [((1, 2, 3), [2]), ((3, 3, 3), []), ((1, 3, 3.001), [1, 2]), ((NAN, 2, 1), [1])],
)
def test_what_is_bold_is_the_highest_as_printed(means, bold):
    table = TABLE1[:3].assign(mean=means)
    cells = tables.readable_table1(table, "md", TITLES, STUDY)["Mean ± SD"].tolist()
    assert [number for number, cell in enumerate(cells) if cell.startswith("**")] == bold
    columns = {f"{metric}_{kind}": means for metric in CLUSTERING_METRICS for kind in ("mean", "sd")}
    clusters = pd.DataFrame({"dataset": "cifar10", "loss": TABLE1["loss"][:3], "n": 5, **columns})
    clusters[[f"{metric}_mean" for metric in CLUSTERING_METRICS]] /= 100
    cells = tables.readable_clustering(clusters, "md", TITLES, STUDY)["V-measure"].tolist()
    assert [number for number, cell in enumerate(cells) if cell.startswith("**")] == bold
