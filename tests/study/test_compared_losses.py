"""Losses as data: which runs, names and settings follow, and what does not go together."""

import hashlib
from pathlib import Path

import pytest
import yaml
from checkout import ROOT
from paper import SCHEMA

from amc_loss.study.configuration import ConfigError, merge, overlaid
from amc_loss.study.names import METRICS_COLUMNS, Losses
from amc_loss.study.study import Study
from amc_loss.study.tuned import tuned

ROLES = ("proposed", "reference", "baseline")
OWN = yaml.safe_load((ROOT / "config.yaml").read_text())
AMC = {"title": "+ AMC", "class": "AngularMarginContrastiveLoss", "weight": 0.1}
CENTRES = {"title": "Centres", "class": "CenterLoss", "replaces_cross_entropy": True}
MINE = {"title": "+ Mine", "class": "Mine", "weight": 0.1, "arguments": {"power": 2, "margin": 1}}
SUPCON = {"title": "+ SupCon", "library": "pytorch-metric-learning", "class": "SupConLoss", "weight": 0.1}
COSFACE = {
    "title": "CosFace",
    "library": "pytorch-metric-learning",
    "class": "CosFaceLoss",
    "replaces_cross_entropy": True,
}


def study(losses, given, **changes):
    return Study(
        overlaid(OWN, {"study": {"name": "own", "losses": losses}, "losses": given, **changes}), SCHEMA
    )


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine: pass\n")
    return {**MINE, "file": str(path)}


def test_the_paper_s_losses():
    assert Study(OWN, SCHEMA).losses == Losses(
        {"cross_entropy": "Cross-entropy", "euclidean": "+ Euclid", "amc": "+ AMC-Loss"},
        proposed="amc",
        reference="euclidean",
        baseline="cross_entropy",
    )


def test_a_loss_of_a_file_has_its_digest_in_its_settings_and_no_other_run_has(mine):
    found = study(["cross_entropy", "amc", "mine"], {"mine": mine})
    run = found.runs["svhn-top-mine-lambda0.1-margin1-seed0"]
    settings = found.settings(run)
    assert settings["auxiliary_loss"] == {
        "class": "Mine",
        "file": mine["file"],
        "sha256": hashlib.sha256(b"class Mine: pass\n").hexdigest(),
        "arguments": {"power": 2, "margin": 1},
    }
    before = {name: found.settings(other) for name, other in found.runs.items()}
    digest = found.loss_digest(run)
    with open(mine["file"], "a") as file:
        file.write("# changed\n")
    after = study(["cross_entropy", "amc", "mine"], {"mine": mine})
    changed = [name for name, other in after.runs.items() if after.settings(other) != before[name]]
    assert changed
    assert all("-mine-" in name for name in changed)
    assert after.loss_digest(run) != digest
    assert {loss for loss, _ in after.losses_to_try} == {"mine"}


def test_each_setting_of_a_loss_of_a_file_is_tried_once(mine):
    vary = {"weight": [0.1, 1], "power": [2, 3], "margin": [1, 2]}
    found = study(
        ["cross_entropy", "amc", "mine"], {"mine": mine}, figures={"figure7": {"loss": "mine", "vary": vary}}
    )
    tried = [settings["auxiliary_loss"]["arguments"] for settings in found.losses_to_try.values()]
    # λ is no part of a loss.
    assert tried == [{"power": 2, "margin": 1}, {"power": 2, "margin": 2}, {"power": 3, "margin": 1}]
    runs = found.targets["figure7"]
    assert {run.loss for run in runs if found.loss_digest(run)} == {"mine"}
    assert {(run.loss, found.loss_digest(run)) for run in runs} - {("cross_entropy", "")} == set(
        found.losses_to_try
    )


def test_a_sweep_is_of_any_number_and_the_name_says_what_differs(mine):
    vary = {"weight": [0.1, 1], "power": [2, 3]}
    figure = {"dataset": "svhn", "seeds": [0], "loss": "mine", "vary": vary}
    found = study(["cross_entropy", "mine"], {"mine": mine}, figures={"figure7": figure})
    assert [run.name for run in found.targets["figure7"]] == [
        "svhn-top-cross_entropy-seed0",
        "svhn-top-mine-lambda0.1-margin1-seed0",
        "svhn-top-mine-lambda1-margin1-seed0",
        "svhn-top-mine-lambda0.1-margin1-power3-seed0",
    ]
    last = found.targets["figure7"][-1]
    assert found.settings(last)["auxiliary_loss"]["arguments"] == {"power": 3, "margin": 1}
    assert last.record["power"] == 3
    assert list(found.vary) == ["weight", "power"]
    assert found.own_settings("mine") == {"weight": 0.1, "power": 2, "margin": 1}


def test_what_figure_7_varies_by_default_is_what_its_loss_has_a_value_of(mine):
    given = {"mine": mine | {"arguments": {"power": 2, "margin": None}}}
    found = study(["cross_entropy", "mine"], given)
    assert set(found.vary) == {"weight"}


def test_a_switch_is_varied_by_0_and_1():
    figure = {"loss": "euclidean", "vary": {"normalise": [0, 1]}}
    found = study(["cross_entropy", "euclidean", "amc"], {}, figures={"figure7": figure})
    runs = [run for run in found.targets["figure7"] if run.loss == "euclidean" and run.seed == 0]
    values = [found.settings(run)["auxiliary_loss"]["arguments"]["normalise"] for run in runs]
    assert values == [0, 1]
    with pytest.raises(ConfigError, match=r"normalise: .*arguments\.normalise' must be a boolean, not 2"):
        study(
            ["cross_entropy", "amc", "euclidean"],
            {},
            figures={"figure7": figure | {"vary": {"normalise": [2]}}},
        )


def test_in_place_of_the_paper_s_losses_the_last_is_proposed_and_varied(mine):
    found = study(["euclidean", "supcon", "mine"], {"mine": mine, "supcon": SUPCON})
    roles = (found.losses.proposed, found.losses.reference, found.losses.baseline)
    assert roles == ("mine", "euclidean", "euclidean")
    assert found.varied_loss == "mine"
    two = study(["cross_entropy", "supcon"], {"supcon": SUPCON})
    assert (two.losses.proposed, two.losses.reference) == ("supcon", "cross_entropy")
    # It has no margin.
    assert set(two.config["figures"]["figure7"]["vary"]) == {"weight"}
    assert "mnist-bottom2d-cross_entropy-seed0" in two.runs


@pytest.mark.parametrize(
    ("losses", "roles"),
    [
        (["cross_entropy", "euclidean"], ("euclidean", "cross_entropy", "cross_entropy")),
        (["cross_entropy", "amc"], ("amc", "cross_entropy", "cross_entropy")),
        (["amc", "cross_entropy"], ("amc", "cross_entropy", "cross_entropy")),
        (["amc", "euclidean"], ("amc", "euclidean", "euclidean")),
        (["supcon", "cross_entropy"], ("supcon", "cross_entropy", "cross_entropy")),
        (["triplet", "supcon", "cross_entropy"], ("supcon", "triplet", "cross_entropy")),
        (["triplet", "supcon", "nce"], ("nce", "supcon", "triplet")),
        (["amc", "cross_entropy", "supcon"], ("amc", "supcon", "cross_entropy")),
    ],
)
def test_no_loss_is_compared_with_itself_by_default(losses, roles):
    given = {name: {**SUPCON, "title": name} for name in ("supcon", "triplet", "nce")}
    assert tuple(study(losses, given).config["study"]["compare"][role] for role in ROLES) == roles


def test_a_loss_that_others_stand_beside_need_not_be_compared(mine, tmp_path):
    (tmp_path / "cos.py").write_text("class Cos: pass\n")
    cos = {"title": "Cos", "class": "Cos", "file": str(tmp_path / "cos.py"), "replaces_cross_entropy": True}
    losses = ["cross_entropy", "euclidean", "both"]
    found = study(losses, {"cos": cos, "both": {**mine, "classification": "cos"}})
    run = next(run for run in found.runs.values() if run.loss == "both")
    assert found.settings(run)["classification_loss"]["file"] == cos["file"]
    with pytest.raises(ConfigError, match=r"'losses.cos.file' is .*nowhere.py, which cannot be read"):
        study(losses, {"cos": cos | {"file": "nowhere.py"}, "both": {**mine, "classification": "cos"}})


def test_files_of_losses_that_others_stand_beside_are_published(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("class Cos: pass\n\nclass Mine: pass\n")
    cos = {"title": "Cos", "class": "Cos", "file": "own.py", "replaces_cross_entropy": True}
    both = {"title": "Both", "class": "CenterLoss", "weight": 0.1, "classification": "cos"}
    assert study(["cross_entropy", "euclidean", "both"], {"cos": cos, "both": both}).loss_files == ["own.py"]


def test_a_figure_shows_six_losses_at_the_most():
    losses = ["cross_entropy", *(f"l{number}" for number in range(7)), "euclidean", "amc"]
    given = {name: {**SUPCON, "title": name} for name in losses if name.startswith("l")}
    found = study(losses, given)
    assert found.shown("figure4") == ["cross_entropy", "l0", "l1", "l2", "euclidean", "amc"]
    told = study(losses, given, figures={"figure4": {"losses": ["amc", "l5"]}})
    assert told.shown("figure4") == ["l5", "amc"]
    assert [run.loss for run in told.targets["figure4"]] == ["l5", "amc"]
    assert len(told.targets["table1"]) == 4 * 10 * 5


def test_a_loss_in_place_of_cross_entropy_and_one_beside_it():
    both = {
        **{key: MINE[key] for key in ("title", "weight")},
        "class": "CenterLoss",
        "classification": "cosface",
    }
    found = study(["cross_entropy", "cosface", "both"], {"cosface": COSFACE, "both": both})
    plain, alone, beside = (
        found.settings(run) for run in found.targets["table1"] if (run.dataset, run.seed) == ("svhn", 0)
    )
    assert "cosine" not in plain["architecture"]
    assert alone["architecture"]["cosine"] == beside["architecture"]["cosine"] is True
    assert (alone["auxiliary_loss"], alone["auxiliary_schedule"]) == (None, None)
    assert alone["classification_loss"] == beside["classification_loss"]
    assert alone["classification_loss"]["class"] == "CosFaceLoss"
    assert beside["auxiliary_loss"] == {"class": "CenterLoss", "arguments": {}}
    assert {loss for loss, _ in found.losses_to_try} == {"cosface", "both"}


def test_arguments_from_the_command_line_are_what_they_stand_for():
    text = {"euclidean": {"arguments": {"margin": "0.7", "pairs": "all", "normalise": "true"}}}
    found = study(["cross_entropy", "euclidean", "amc"], text)
    run = next(run for run in found.runs.values() if run.loss == "euclidean")
    assert found.settings(run)["auxiliary_loss"]["arguments"] == {
        **{"margin": 0.7, "pairs": "all", "normalise": True},
        **{"neighbours": "predicted", "reduction": "batch"},
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"study": {"losses": ["amc", "nce"]}}, "'study.losses' names 'nce'; defined under 'losses' are "),
        ({"study": {"losses": ["amc"]}}, "'study.losses' has 1 entries; it needs at least 2"),
        (
            {"study": {"compare": {"reference": "amc"}}},
            "'study.compare' has amc as both proposed and reference; no loss is compared with itself",
        ),
        (
            {"study": {"compare": {"reference": "supcon"}}},
            "'study.compare.reference' names 'supcon', which is not in 'study.losses'; there are cross_entropy",
        ),
        (
            {"figures": {"figure5": {"losses": ["nce"]}}},
            "'figures.figure5.losses' names 'nce', which is not in",
        ),
        ({"figures": {"figure7": {"loss": "nce"}}}, "'figures.figure7.loss' names 'nce', which is not in"),
        (
            {"figures": {"figure7": {"vary": {"temperature": [1]}}}},
            "'figures.figure7.vary' has 'temperature'; the loss amc has weight, guard, margin; put another under",
        ),
        (
            {"losses": {"amc": {"margin": 0.3}}},
            "unknown key 'losses.amc.margin' in the configuration: an argument of",
        ),
        (
            {"losses": {"amc": {"wight": 0.3}}},
            "unknown key 'losses.amc.wight' in the configuration: did you mean 'weight'",
        ),
        ({"losses": {"cross_entropy": {"weight": 1}}}, "'losses.cross_entropy' has weight and no 'class'"),
        (
            {"losses": {"amc": {"library": "pytorch-metric-learning", "file": "x.py"}}},
            "has both 'library' and 'file'",
        ),
        ({"losses": {"amc": {"library": "torch"}}}, "'losses.amc.library' must be one of"),
        (
            {"losses": {"amc": {"miner": {"class": "M"}}}},
            "'losses.amc.miner' goes with 'library: pytorch-metric-learning'",
        ),
        (
            {"losses": {"amc": {"replaces_cross_entropy": True}}},
            "takes the place of cross-entropy, and so has no 'weight'",
        ),
        (
            {"losses": {"amc": {"classification": "nce"}}},
            "'losses.amc.classification' names 'nce'; defined under",
        ),
        ({"losses": {"amc": {"classification": "euclidean"}}}, "does not take the place of cross-entropy"),
        (
            {"losses": {"amc": {"file": "nowhere.py"}}},
            "'losses.amc.file' is nowhere.py, which cannot be read",
        ),
        ({"losses": {"amc": {"file": "README.md"}}}, "'losses.amc.file', README.md, is not Python"),
        (
            {"losses": {"amc": {"file": "docs/pages.py"}}},
            "'losses.amc.file', docs/pages.py, defines no class",
        ),
        (
            {"losses": {"amc": {"file": "tests/checkout.py"}}},
            "'losses.amc.class' is 'AngularMarginContrastiveLoss'; the classes in tests/checkout.py are Checkout",
        ),
        (
            {"losses": {"amc": {"class": "Mine"}}},
            "'losses.amc.class' is 'Mine'; this workflow's own are AngularMarginContrastiveLoss, "
            "EuclideanContrastiveLoss, CenterLoss, and one of yours needs the file that defines it, under "
            "'losses.amc.file'",
        ),
        (
            {"losses": {"amc": {"arguments": {"margn": 0.3}}}},
            "'losses.amc.arguments' has 'margn': did you mean 'margin'? AngularMarginContrastiveLoss takes margin, "
            "pairs, neighbours, reduction, guard",
        ),
        (
            {"losses": {"amc": {"arguments": {"pairs": "halfs"}}}},
            '\'losses.amc.arguments.pairs\' must be one of "halves", "all", not "halfs"',
        ),
        (
            {"losses": {"mine": AMC | {"arguments": {"margin": 4}}}},
            "'losses.mine.arguments.margin' must be at most 3.14159",
        ),
        (
            # YAML's `true`
            {"losses": {"mine": AMC | {"arguments": {"neighbours": True}}}},
            '\'losses.mine.arguments.neighbours\' must be one of "predicted_labels", "true_labels", not true',
        ),
        (
            {"losses": {"mine": AMC | {"class": "EuclideanContrastiveLoss", "arguments": {"margin": 0}}}},
            "'losses.mine.arguments.margin' must be above 0, not 0",
        ),
        (
            {"losses": {"mine": AMC | {"class": "CenterLoss", "arguments": {"alpha": 2}}}},
            "'losses.mine.arguments.alpha' must be at most 1, not 2",
        ),
        (
            {
                "study": {"losses": ["cross_entropy", "mine"]},
                "losses": {"mine": AMC | {"class": "CenterLoss", "arguments": {"num_classes": 3}}},
            },
            "'losses.mine.arguments' has 'num_classes': CenterLoss takes alpha",
        ),
        (
            {"study": {"losses": ["amc", "mine"]}, "losses": {"mine": CENTRES}},
            "'losses.mine' cannot take the place of cross-entropy: CenterLoss has no class weights; leave out",
        ),
        (
            {"losses": {"mine": CENTRES, "amc": {"classification": "mine"}}},
            "'losses.mine' cannot take the place of cross-entropy: CenterLoss has no class weights; leave out",
        ),
        (
            {"study": {"losses": ["amc", "mine"]}, "losses": {"mine": AMC | {"title": "+ AMC-Loss"}}},
            "'losses.mine.title' is '+ AMC-Loss', and so is that of amc; give each in the study a title of its own",
        ),
        ({"study": {"losses": ["amc", "amc"]}}, '\'study.losses\' lists an entry twice: ["amc", "amc"]'),
        (
            {"study": {"compare": {"proposed": ["amc"]}}},
            "'study.compare.proposed' must be text, not [\"amc\"]",
        ),
        (
            {"figures": {"figure7": {"loss": ["amc"]}}},
            "'figures.figure7.loss' must be text or null, not [\"amc\"]",
        ),
        (
            {
                "study": {"losses": ["cross_entropy", "mine"]},
                "losses": {"mine": SUPCON | {"arguments": {"temperature": "all"}}},
                "figures": {"figure7": {"vary": {"temperature": [1, 2]}}},
            },
            "'figures.figure7.vary' has 'temperature', which under 'losses.mine.arguments' is \"all\"; give it a",
        ),
        (
            {"study": {"losses": ["cross_entropy", "mine"]}, "losses": {"mine": COSFACE}},
            "the loss mine has nothing to vary; put another under its 'arguments', with the value that it has "
            "elsewhere, or name another loss under 'figures.figure7.loss'",
        ),
        (
            {"losses": {"amc": {"file": "~nobody.of.this.name/loss.py"}}},
            "'losses.amc.file' is ~nobody.of.this.name/loss.py, which cannot be read",
        ),
        (
            {"figures": {"figure7": {"vary": {"weight": [0.1, -1]}}}},
            "figures.figure7.vary.weight: 'losses.amc.weight' must be at least 0, not -1",
        ),
        (
            {"figures": {"figure7": {"vary": {"margin": [4]}}}},
            "figures.figure7.vary.margin: 'losses.amc.arguments.margin' must be at most 3.14159",
        ),
        ({"losses": {"a b": {"title": "x"}}}, "key \"a b\" under 'losses' must match"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(monkeypatch, changes, sentence):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError) as error:
        Study(overlaid(OWN, merge({"study": {"name": "own"}}, changes)), SCHEMA)
    assert sentence in str(error.value)


@pytest.mark.parametrize("column", METRICS_COLUMNS)
def test_what_is_varied_is_not_called_like_another_column_of_the_metrics(mine, column):
    given = {"mine": {**mine, "arguments": {column: 1}}}
    vary = {"figure7": {"loss": "mine", "vary": {column: [1, 2]}}}
    with pytest.raises(ConfigError, match=f"'figures.figure7.vary' has '{column}', which is a column"):
        study(["cross_entropy", "mine"], given, figures=vary)


def test_an_auxiliary_loss_has_a_weight():
    given = {"supcon": {key: value for key, value in SUPCON.items() if key != "weight"}}
    with pytest.raises(
        ConfigError, match=r"key 'losses.supcon.weight' is missing .* 'replaces_cross_entropy: true'"
    ):
        study(["cross_entropy", "supcon"], given)


# ---- Choosing settings ----

TUNE = {"amc": {"weight": [0.1, 1], "margin": [0.5, 1]}, "euclidean": {"weight": [0.01, 0.1, 1, 10]}}


def tuning(**changes):
    given = {"name": "own", "datasets": ["svhn"], "seeds": [100, 101], "validation": 5000, "tune": TUNE}
    return Study(overlaid(OWN, {"study": {**given, **changes}}), SCHEMA)


def test_every_loss_has_as_many_trials_on_data_of_its_own():
    found = tuning()
    names = [run.name for run in found.targets["tuning"]]
    assert len(names) == len(set(names)) == 2 * 4 * 2
    assert "svhn-top-amc-lambda1-margin0.5-seed101" in names
    assert [trial for trial, _ in found.tuning()["euclidean"]][::2] == [
        {"weight": w} for w in (0.01, 0.1, 1, 10)
    ]
    plain = tuning(validation=0, tune={})
    assert found.data("svhn") == {**plain.data("svhn"), "validation": 5000}
    assert found.data_name("svhn") != plain.data_name("svhn")
    assert (found.titles["svhn"], plain.titles["svhn"]) == ("SVHN, validation", "SVHN")
    assert "study.validation" in found.changed
    assert plain.targets["tuning"] == []


@pytest.mark.parametrize("group", ["auxiliary tuning", "replacement replacement_tuning"])
def test_the_rivals_are_tuned_with_as_many_trials_each(group):
    config = OWN
    for name in group.split():
        config = overlaid(config, yaml.safe_load((ROOT / f"profiles/rivals/{name}.yaml").read_text()))
    found = Study(config, SCHEMA)
    assert set(found.tuning()) == set(found.config["study"]["losses"]) - {"cross_entropy"}
    # Its number is of the test split.
    assert found.config["figures"]["figure2"]["image"] is None
    assert len({len(runs) for runs in found.tuning().values()}) == 1
    assert not {0, 1, 2, 3, 4} & set(found.config["study"]["seeds"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"validation": 0}, "'study.tune' needs 'study.validation', how many training images it chooses on"),
        (
            {"tune": {**TUNE, "amc": {"weight": [1]}}},
            "gives losses different numbers of trials: amc 1, euclidean 4",
        ),
        (
            {"tune": {"triplet": {"weight": [1]}}},
            "'study.tune' names 'triplet', which is not in 'study.losses'",
        ),
        ({"tune": {"cross_entropy": {"weight": [1]}}}, "'study.tune.cross_entropy' has 'weight'; the loss"),
        ({"tune": {"amc": {}}}, "'study.tune.amc'"),
        (
            {"tune": {"amc": {"weight": [1, -1]}}},
            "study.tune.amc.weight: 'losses.amc.weight' must be at least 0, not -1",
        ),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(changes, sentence):
    with pytest.raises(ConfigError) as error:
        tuning(**changes)
    assert sentence in str(error.value)


def test_a_loss_as_chosen_is_a_second_row():
    losses = ["cross_entropy", "amc", "mine"]
    entries = {**OWN["protocols"]["paper"]["losses"], "mine": MINE}
    found = tuned(losses, entries, {"amc": {"weight": 1, "margin": 0.7}, "mine": {"power": 3}})
    assert found["study"]["losses"] == ["cross_entropy", "amc", "amc_tuned", "mine", "mine_tuned"]
    assert found["losses"]["amc_tuned"] == {
        "title": "+ AMC-Loss, tuned",
        "class": "AngularMarginContrastiveLoss",
        "weight": 1,
        "arguments": {"margin": 0.7, "guard": 1e-7},
    }
    assert found["losses"]["mine_tuned"]["arguments"] == {"power": 3, "margin": 1}
    assert found["losses"]["mine_tuned"]["weight"] == 0.1
