"""The configuration's checks and the runs that follow from it."""

import copy
import re

import pytest
import yaml
from checkout import ROOT
from paper import CONFIG as PAPER
from paper import SCHEMA
from snakemake.cli import parse_config
from snakemake.utils import update_config

from amc_loss.study.configuration import ConfigError, canonical, overlaid
from amc_loss.study.documented_settings import compare, settings
from amc_loss.study.study import Study
from amc_loss.training.networks import TABLE2


def study(**changes):
    """The paper's study with changes, given as ``section__key=value``."""
    config = copy.deepcopy(PAPER)
    for path, value in changes.items():
        *parents, key = path.split("__")
        section = config
        for parent in parents:
            section = section.setdefault(parent, {})
        section[key] = value
    return Study(config, SCHEMA)


def test_runs_of_the_paper():
    paper = study()
    assert len(paper.targets["table1"]) == 4 * 3 * 5
    assert len(paper.targets["figure7"]) == 3 * (1 + 4 + 5 - 1)  # λ = 0.1 at m_g = 0.5 is on both axes
    # Figures 1 and 4 have networks of their own, over five seeds; figure 7 seven points beside those of table 1.
    assert len(paper.targets["figure1"] + paper.targets["figure4"]) == 1 + 3
    assert len(paper.runs) == 60 + 5 * (1 + 3) + 3 * (3 + 4)
    assert len(study(claims__seeds=1).runs) == 60 + 1 + 3 + 3 * (3 + 4)
    for figure in ("figure2", "figure5", "figure6"):
        assert set(paper.targets[figure]) <= set(paper.targets["table1"])


def test_names_of_runs_say_what_they_are():
    names = list(study().runs)
    assert "cifar10-top-cross_entropy-seed0" in names
    assert "cifar100_coarse-top-euclidean-lambda0.1-margin1-seed4" in names
    assert "mnist-bottom2d-cross_entropy-seed0" in names
    assert "cifar10-top-amc-lambda0.001-margin0.5-seed2" in names
    assert len(set(names)) == len(names)


def test_the_spelling_of_numbers_and_the_order_of_keys_are_no_change():
    """Snakemake compares parameters by their repr."""
    reversed_training = dict(reversed(PAPER["protocols"]["paper"]["training"].items()))
    spelt = study(
        losses__euclidean={"arguments": {"margin": 1, "normalise": False}, "weight": 0.10},
        figures__figure7__vary={"margin": [0.5, 0.75, 1, 1.25, 1.5], "weight": [1.0, 0.10, 0.01, 1.0e-3]},
        training={**reversed_training, "batch_size": 128.0},
        study__seeds=[0.0, 1, 2, 3, 4],
    )
    assert list(spelt.runs) == list(study().runs)
    for name, run in study().runs.items():
        assert repr(spelt.settings(spelt.runs[name])) == repr(study().settings(run))
    assert repr(spelt.config) == repr(study().config)


def test_values_that_are_close_are_different_runs():
    close = study(figures__figure7__vary__weight=[0.1, 0.1000001])
    assert len(close.runs) == 60 + 5 * (1 + 3) + 3 * (1 + 4)


def test_settings_of_a_run_are_the_paper_s():
    paper = study()
    top = paper.settings(paper.runs["svhn-top-amc-lambda0.1-margin0.5-seed3"])
    assert (top["epochs"], top["ramp_up"], top["ramp_down"]) == (300, 80, 50)
    assert (top["batch_size"], top["learning_rate"], top["weight"]) == (128, 0.003, 0.1)
    assert top["auxiliary_loss"]["arguments"]["margin"] == 0.5
    assert (top["beta1"], top["beta1_end"], top["beta2"], top["seed"]) == (0.9, 0.5, 0.999, 3)
    bottom = paper.settings(paper.runs["mnist-bottom2d-cross_entropy-seed0"])
    assert (bottom["epochs"], bottom["ramp_up"], bottom["ramp_down"]) == (150, 40, 30)
    assert (bottom["weight"], bottom["auxiliary_loss"]) == (None, None)


def test_settings_are_plain_objects_whatever_the_configuration_holds():
    """Snakemake does not track a parameter of any other type, and says nothing."""

    def plain(value):
        if type(value) is dict:
            return all(type(key) is str and plain(item) for key, item in value.items())
        return (
            all(map(plain, value))
            if type(value) is list
            else type(value) in (str, int, float, bool, type(None))
        )

    class Mapping(dict):
        pass

    paper = study(
        network=Mapping(PAPER["protocols"]["paper"]["network"]),
        datasets={name: Mapping(value) for name, value in PAPER["datasets"].items()},
    )
    assert all(plain(paper.settings(run)) for run in paper.runs.values())


def test_width_multiplier_of_each_column():
    changed = study(network__width_multiplier={"top": 0.5, "bottom": 2})
    assert changed.architecture("top")["width_multiplier"] == 0.5
    assert changed.architecture("bottom3d")["width_multiplier"] == 2


def test_the_released_code_differs_in_what_its_authors_did_otherwise():
    """Read off the released code; all else is the paper's."""
    paper, released = (study().protocols[name] for name in ("paper", "released_code"))

    def differences(one, other, path=""):
        if not isinstance(one, dict):
            return {path.strip("."): other} if one != other else {}
        assert set(one) == set(other)
        return {k: v for key in one for k, v in differences(one[key], other[key], f"{path}.{key}").items()}

    assert differences(paper, released) == {
        "contrastive.w_maximum": 100,
        "contrastive.w_first_epoch": "zero",
        "contrastive.reduction": "pairs",
        "network.widths.top": [[64, 64, 64], [128, 128, 128], [256, 128]],
        "network.input_divisor": 256,
        "network.batch_norm_scale": False,
        "network.batch_norm_decay": 0.999,
        "training.schedule.top.epochs": 200,
        "training.schedule.top.ramp_up": 50,
        "training.schedule.top.ramp_down": 30,
        "training.ramp_down_steepness": 7.5,
        "training.translation": 2,
        "training.ema_decay": 0.999,
        "grad_cam.divide_by_rms": True,
        "grad_cam.start": 1,
    }


def test_settings_of_a_run_are_those_of_the_protocol():
    released = study(protocol="released_code", study__name="released")
    amc = released.settings(released.runs["cifar10-top-amc-lambda0.1-margin0.5-seed0"])
    assert amc["weight"] * amc["auxiliary_schedule"]["maximum"] == pytest.approx(10)
    assert amc["auxiliary_loss"]["class"] == "AngularMarginContrastiveLoss"
    assert amc["auxiliary_loss"]["arguments"] == {
        "margin": 0.5,
        "guard": 1e-7,
        "pairs": "halves",
        "neighbours": "predicted",
        "reduction": "pairs",
    }
    assert (amc["epochs"], amc["ema_decay"], amc["translation"]) == (200, 0.999, 2)
    assert amc["architecture"]["widths"] == [[64, 64, 64], [128, 128, 128], [256, 128]]
    euclidean = released.settings(released.runs["cifar10-top-euclidean-lambda0.1-margin1-seed0"])
    assert euclidean["auxiliary_loss"]["arguments"]["normalise"] is False
    assert "guard" not in euclidean["auxiliary_loss"]["arguments"]


def test_settings_of_the_auxiliary_losses_do_not_concern_cross_entropy():
    changed = {
        "contrastive__reduction": "pairs",
        "contrastive__w_maximum": 100,
        "losses__amc__arguments__margin": 0.7,
    }
    name = "cifar10-top-cross_entropy-seed0"
    assert study(**changed).settings(study().runs[name]) == study().settings(study().runs[name])


@pytest.mark.parametrize("protocol", ["paper", "released_code"])
def test_each_setting_of_a_protocol_can_be_set_otherwise_by_itself(protocol):
    changed = study(
        protocol=protocol,
        study__name="own",
        training__translation=5,
        network__widths={"bottom": [[8], [8], [9]]},
    )
    assert changed.config["training"] == {**study().protocols[protocol]["training"], "translation": 5}
    assert changed.architecture("bottom2d")["widths"] == [[8], [8], [9]]
    assert changed.architecture("top")["widths"] == study().protocols[protocol]["network"]["widths"]["top"]


def test_a_protocol_of_one_s_own_is_the_paper_s_with_differences():
    own = study(protocols__mine={"training": {"ema_decay": 0.99}}, protocol="mine", study__name="mine")
    assert own.config["training"] == {**study().config["training"], "ema_decay": 0.99}


def test_what_a_study_changes_of_its_protocol_is_named():
    assert study().changed == []
    assert study(protocol="released_code", study__name="own").changed == []
    own = study(
        protocol="released_code",
        study__name="own",
        study__networks={"cifar10": "bottom", "svhn": "top"},
        datasets__svhn__size=16,
        datasets__digits__size=16,  # not in the study
        training__schedule={"top": {"epochs": 250}},
        training__checkpoint_every=7,  # changes no result
        contrastive__reduction="batch",  # the paper's, not that of the released code
        training__ema_decay=0.999,  # the released code's
    )
    assert sorted(own.changed) == [
        "contrastive.reduction",
        "datasets.svhn.size",
        "study.networks.cifar10",
        "training.schedule.top.epochs",
    ]


def test_a_dataset_can_have_the_bottom_network_in_table_1():
    changed = study(study__networks={"cifar10": "bottom"})
    networks = {run.dataset: run.network for run in changed.targets["table1"]}
    assert networks == {"mnist": "top", "cifar10": "bottom", "svhn": "top", "cifar100_coarse": "top"}
    for figure in ("figure2", "figure6", "figure7"):
        assert {run.network for run in changed.targets[figure]} == {"bottom"}


def test_widths_are_those_the_network_module_has_by_default():
    widths = study().config["network"]["widths"]
    assert widths == {column: [list(block) for block in blocks] for column, blocks in TABLE2.items()}


def test_minutes_that_a_cluster_is_asked_for():
    def minutes(run, data_mb=92.0, **changes):
        of = study(**changes)
        return of.minutes(of.runs[run], data_mb)

    top, bottom = "cifar10-top-amc-lambda0.1-margin0.5-seed0", "mnist-bottom3d-cross_entropy-seed0"
    # 460 MB go through the top of Table 2 in a minute: an epoch of 92 MB in 12 s, and 300 of them in an hour.
    assert minutes(top) == 10 + 60
    assert minutes(top, 184.0) == 10 + 120
    assert minutes(top, training__schedule={"top": {"epochs": 150}}) == 10 + 30
    assert minutes(top, network__width_multiplier={"top": 0.5}) == 10 + 15
    # The bottom is half as wide and trains for 150 epochs.
    assert minutes(bottom) == 10 + 8


def test_what_the_report_is_given_is_the_same_study():
    own = study(protocols__mine={"training": {"ema_decay": 0.99}}, protocol="mine", study__name="mine")
    again = Study({**own.config, "protocols": own.protocols}, SCHEMA)
    assert (again.config, again.protocols) == (own.config, own.protocols)


def test_every_setting_has_a_row_with_what_it_may_be():
    config = study().config
    rows = {row["setting"]: row for row in settings(SCHEMA, config)}

    def leaves(value, path=""):
        if isinstance(value, dict) and value:
            return [leaf for key in value for leaf in leaves(value[key], f"{path}.{key}".lstrip("."))]
        return [path]

    top = {
        leaf
        for leaf in leaves(config)
        if not leaf.startswith(("datasets.", "study.networks.", "study.tune", "figures.figure7.vary."))
    }
    sources = {f"datasets.<name>.{key}" for key in SCHEMA["$defs"]["source"]["properties"]}
    parts = [f"{part}.{key}" for part in ("distance", "reducer", "miner") for key in ("class", "arguments")]
    keys = {*SCHEMA["$defs"]["loss"]["properties"], *parts} - {"distance", "reducer", "miner"}
    losses = {f"losses.<name>.{key}" for key in keys}
    named = {"study.networks.<name>", "study.tune.<name>", "figures.figure7.vary.<name>"}
    assert set(rows) == top | sources | losses | named
    assert rows["network.dropout"]["allowed"] == "number, ≥ 0, < 1"
    assert rows["network.dropout"]["default"] == "0.5"
    assert rows["training.batch_size"]["allowed"] == "integer, ≥ 2, multiple of 2"
    assert rows["study.seeds"]["allowed"] == "list of integer, ≥ 0, ≤ 4294967295"
    assert rows["figures.figure2.image"]["allowed"] == "integer or null, ≥ 0"
    assert rows["contrastive.pairs"]["allowed"] == "halves, all"
    assert rows["datasets.<name>.labels"]["allowed"] == "fine, coarse"


def test_every_setting_of_a_protocol_is_compared():
    paper = study()
    rows = compare(SCHEMA, {**paper.protocols, "this study": study(training__translation=5).config})

    def leaves(value, path=""):
        if isinstance(value, dict) and value:
            return {leaf for key in value for leaf in leaves(value[key], f"{path}.{key}")}
        return {path.strip(".")} if value != {} else set()

    expected = {leaf for leaf in leaves(paper.protocols["paper"]) if not leaf.endswith(".title")}
    assert {row["setting"] for row in rows} == expected
    row = next(row for row in rows if row["setting"] == "training.translation")
    assert (row["paper"], row["released_code"], row["this study"]) == ("0", "2", "5")
    free = {"width_multiplier.top", "width_multiplier.bottom", "deterministic", "checkpoint_every"}
    assert all(row["source"] or row["setting"].split(".", 1)[1] in free for row in rows)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"training__epoch": 3}, "unknown key 'training.epoch' in the configuration"),
        (
            {"training__learning_rat": 0.1},
            "unknown key 'training.learning_rat' in the configuration: did you mean 'learning_rate'? allowed here: "
            "schedule, ramp_down_steepness, schedules_change, batch_size, drop_last, translation, learning_rate, "
            "beta1, beta1_end, beta2, adam_epsilon, ema_decay, kept_epoch, precision, tf32, engine, deterministic, "
            "checkpoint_every",
        ),
        ({"studdy": {}}, "unknown key 'studdy' in the configuration: did you mean 'study'?"),
        (
            {"protocol": "papr"},
            "'protocol' is 'papr'; defined under 'protocols' are paper, released_code",
        ),
        (
            {"protocols__released_code": {"figures": {}}},
            "unknown key 'protocols.released_code.figures' in the configuration: allowed here: losses, contrastive, "
            "network, training, evaluation, grad_cam",
        ),
        (
            {"protocols__mine": {"training": {"translate": 2}}, "protocol": "mine"},
            "unknown key 'training.translate' in the configuration: did you mean 'translation'?",
        ),
        ({"protocols__mine": None}, "'protocols.mine' must be a mapping, not null"),
        (
            {"protocols__mine": {"training": {"lerning_rate": 1}}},
            "protocols.mine: unknown key 'training.lerning_rate' in the configuration: did you mean 'learning_rate'?",
        ),
        (
            {"protocols__mine": {"training": {"learning_rate": "fast"}}},
            "protocols.mine: 'training.learning_rate' must be a number, not \"fast\"",
        ),
        ({"protocols": None}, "'protocols' must be a mapping that has 'paper'"),
        ({"protocols__mine": {"wight": 0.1}}, "unknown key 'protocols.mine.wight' in the configuration"),
        (
            {"protocols__mine": {"training": None}, "protocol": "mine", "study__name": "own"},
            "'protocols.mine.training' must be a mapping, not null",
        ),
        (
            {"datasets__svhn__title": "CIFAR-10"},
            "'datasets.svhn.title' is 'CIFAR-10', and so is that of cifar10; give each in the study a title of its",
        ),
        (
            {"protocols__mine": {"contrastive": None}},
            "'protocols.mine.contrastive' must be a mapping, not null",
        ),
        ({"protocols__source": {}}, "'protocols' has the name 'source'; it must be of letters, digits and"),
        ({"protocols__my-own": {}}, "'protocols' has the name 'my-own'; it must be of letters, digits and"),
        (
            {"protocol": ["paper"]},
            "'protocol' is ['paper']; defined under 'protocols' are paper, released_code",
        ),
        (
            {"protocol": "released_code"},
            "'study.name' is 'paper', but 'protocol' is 'released_code', whose trainings would replace the paper's; "
            "give the study another name",
        ),
        (
            {"grad_cam__layer": "conv9_9"},
            "'grad_cam.layer' is 'conv9_9'; the network of figure2 has last, conv1_1, conv1_2, conv1_3, conv2_1, "
            "conv2_2, conv2_3, conv3_1, conv3_2, conv3_3",
        ),
        (
            {"grad_cam__layer": "conv1_2", "study__networks": {"cifar10": "bottom"}},
            "'grad_cam.layer' is 'conv1_2'; the network of figure2 has last, conv1_1, conv2_1, conv3_1, conv3_2",
        ),
        ({"network__widths": {"top": [[8], [8]]}}, "'network.widths.top' has 2 entries; it needs at least 3"),
        ({"protocols": []}, "'protocols' must be a mapping that has 'paper'"),
        ({"training": 3}, "'training' must be a mapping, not 3"),
        ({"study__networks": {"mnist": "middle"}}, '\'study.networks.mnist\' must be one of "top", "bottom"'),
        (
            {"study__networks": {"imagenet": "top"}},
            "'study.networks' names 'imagenet'; defined under 'datasets' are",
        ),
        ({"study__seeds": []}, "'study.seeds' has 0 entries; it needs at least 1"),
        ({"study__seeds": [0, 0]}, "'study.seeds' lists an entry twice: [0, 0]"),
        ({"study__seeds": [0, "one"]}, "'study.seeds.1' must be an integer, not \"one\""),
        ({"study__seeds": [True]}, "'study.seeds.0' must be an integer, not true"),
        ({"study__seeds": 0}, "'study.seeds' must be a list, not 0"),
        ({"study__name": "a/b"}, "'study.name' must match"),
        ({"training__batch_size": "1e2.5"}, "'training.batch_size' must be an integer, not \"1e2.5\""),
        ({"training__deterministic": "yes please"}, "'training.deterministic' must be a boolean, not"),
        ({"training__batch_size": 127}, "'training.batch_size' must be a multiple of 2, not 127"),
        ({"training__adam_epsilon": "1e-8x"}, "'training.adam_epsilon' must be a number, not \"1e-8x\""),
        (
            {"training__precision": "half"},
            '\'training.precision\' must be one of "auto", "bfloat16", "float32"',
        ),
        ({"training__beta1": 1}, "'training.beta1' must be below 1, not 1"),
        ({"study": {"name": "x", "seeds": [0]}}, "key 'study.datasets' is missing from the configuration"),
        ({"losses__amc__arguments__margin": 0}, "'losses.amc.arguments.margin' must be above 0, not 0"),
        ({"figures__figure2__image": "first"}, "'figures.figure2.image' must be an integer or null"),
        (
            {"datasets__mine": {"source": "npz", "pth": "x.npz"}},
            "unknown key 'datasets.mine.pth' in the configuration: did you mean 'path'? allowed here: source, ",
        ),
        ({"datasets__mine": {"source": "npz"}}, "key 'datasets.mine.path' is missing from the configuration"),
        ({"datasets__mine": {"source": "imagefolder"}}, "key 'datasets.mine.path' is missing from the"),
        ({"datasets__mine": {"source": "torchvision"}}, "key 'datasets.mine.class' is missing from the"),
        ({"datasets__mine": {"path": "x.npz"}}, "key 'datasets.mine.source' is missing from the"),
        ({"datasets__mine": {}}, "key 'datasets.mine.source' is missing from the configuration"),
        (
            {"datasets__mine": {"source": "web"}},
            '\'datasets.mine.source\' must be one of "torchvision", "npz", "imagefolder", "scikit-learn", not "web"',
        ),
        (
            {"datasets__cifar10__class": "CIFAR"},
            '\'datasets.cifar10.class\' must be one of "MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100", "S',
        ),
        (
            {"datasets__cifar100_coarse__class": "CIFAR10"},
            "'datasets.cifar100_coarse.labels' is \"coarse\", which CIFAR100 has and CIFAR10 has not",
        ),
        (
            {"datasets__mnist__mirrors": ["example.org"]},
            "'datasets.mnist.mirrors.0' must match ^(https?|file)://, not \"example.org\"",
        ),
        ({"datasets__mnist__size": 8}, "'datasets.mnist.size' must be at least 12, not 8"),
        (
            {"datasets__my-data": {"source": "npz", "path": "x.npz"}},
            "key \"my-data\" under 'datasets' must match ^[A-Za-z0-9_]+$",
        ),
        (
            {"study__datasets": ["imagenet"]},
            "'study.datasets' names 'imagenet'; defined under 'datasets' are cifar10, "
            "cifar100_coarse, digits, mnist, svhn",
        ),
        (
            {"figures__figure5__dataset": "digits"},
            "'figures.figure5.dataset' is 'digits', which is not in the study; allowed are mnist, cifar10, svhn, "
            "cifar100_coarse",
        ),
        (
            {"figures__figure1__dataset": "digits", "figures__figure6__dataset": "other"},
            "'figures.figure1.dataset' is 'digits', which is not in the study; allowed are mnist, cifar10, svhn, "
            "cifar100_coarse; the same holds for figure6",
        ),
        (
            {"figures__figure7__seeds": [0, 7]},
            "'figures.figure7.seeds' has 7, which is no seed of the study; allowed are 0, 1, 2, 3, 4",
        ),
        ({"figures__figure1__seed": 9}, "'figures.figure1.seed' has 9, which is no seed of the study"),
        (
            {"figures__figure1__seed": 9, "figures__figure7__seeds": [7, 0, 8]},
            "'figures.figure1.seed' has 9, 'figures.figure7.seeds' has 7, 'figures.figure7.seeds' has 8, which are "
            "no seeds of the study; allowed are 0, 1, 2, 3, 4",
        ),
        (
            {"training__schedule__top": {"epochs": 100, "ramp_up": 80, "ramp_down": 50}},
            "'training.schedule.top' ramps up for 80 and down for 50 epochs, more than its 100 epochs",
        ),
    ],
)
def test_a_wrong_configuration_is_one_sentence(changes, sentence):
    with pytest.raises(ConfigError) as error:
        study(**changes)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_every_key_has_a_description_and_unknown_keys_are_refused_everywhere():
    def check(schema, path):
        if "$ref" in schema:
            schema = {**SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], **schema}
        if schema.get("type") == "object":
            children = schema.get("properties", {})
            if others := schema["additionalProperties"]:
                children = {**children, "*": others}
            for key, child in children.items():
                check(child, f"{path}.{key}")
        elif path:
            assert "description" in schema, path

    check(SCHEMA, "")


def test_an_overlay_that_changes_the_source_leaves_keys_that_do_not_count():
    config = copy.deepcopy(PAPER)
    overlay = {
        "cifar100_coarse": {"source": "npz", "path": "data/x.npz", "title": "Mine"},
        "mnist": {"mirrors": ["file:///data"], "archives": "/data"},
        "flowers": {"source": "imagefolder", "path": "data/flowers", "size": 64.0},
    }
    update_config(config, {"datasets": overlay})
    config["study"]["datasets"].append("flowers")
    assert config["datasets"]["cifar100_coarse"]["class"] == "CIFAR100"
    own = Study(config, SCHEMA)
    assert own.data("cifar100_coarse") == {"source": "npz", "path": "data/x.npz"}
    assert own.data("flowers") == {"source": "imagefolder", "path": "data/flowers", "size": 64}
    # Where archives come from and what tables say changes no training.
    assert own.data("mnist") == study().data("mnist") == {"source": "torchvision", "class": "MNIST"}
    assert own.own_datasets == ["cifar100_coarse", "flowers"]
    assert own.titles == {
        "mnist": "MNIST",
        "cifar10": "CIFAR-10",
        "svhn": "SVHN",
        "cifar100_coarse": "Mine",
        "flowers": "flowers",
    }


def test_the_readme_s_datasets_are_valid():
    section = (ROOT / "README.md").read_text().split("## Data\n")[1].split("\n## ")[0]
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]
    given = {}
    for example in examples:
        update_config(given, example)
    sources = {entry["source"] for entry in Study(overlaid(PAPER, given), SCHEMA).config["datasets"].values()}
    assert sources == {"torchvision", "npz", "imagefolder", "scikit-learn"}


def test_the_demo_changes_size_speed_and_data_and_no_loss():
    demo = yaml.safe_load((ROOT / "profiles/demo/study.yaml").read_text())
    assert {section: set(keys) for section, keys in demo.items()} == {
        "study": {"name", "datasets"},
        "datasets": {"digits"},
        "network": {"width_multiplier", "batch_norm_decay"},
        "training": {"schedule", "batch_size", "learning_rate"},
        "figures": {"figure7"},
        "explainability": {"mosaics", "deleted", "confidence"},
        "claims": {"seeds"},
    }
    study = Study(overlaid(PAPER, demo), SCHEMA)
    assert {run.dataset for run in study.runs.values()} == {"digits"}
    assert len(study.targets["table1"]) == 15


def test_a_misspelt_network_is_no_other_network():
    with pytest.raises(ValueError, match="'botom2d' names no network of Table 2"):
        study().architecture("botom2d")


def test_text_from_the_command_line_is_what_it_stands_for():
    """Snakemake gives what is nested in `--config` as text, whatever it is."""
    given = parse_config(
        [
            "study={seeds: [42, 1], name: 7}",
            "training={learning_rate: 1e-3, deterministic: true, batch_size: 64}",
            "figures={figure1: {seed: 42, classes: [1, 2]}, figure2: {image: null}}",
        ]
    )
    config = copy.deepcopy(PAPER)
    for figure in config["figures"].values():
        figure.update({"seed": 42} if "seed" in figure else {"seeds": [42]} if "seeds" in figure else {})
    update_config(config, given)
    found = Study(config, SCHEMA).config
    assert found["study"]["seeds"] == [42, 1]
    assert found["study"]["name"] == "7"
    training = found["training"]
    values = training["learning_rate"], training["deterministic"], training["batch_size"]
    assert values == (0.001, True, 64)
    assert [type(value) for value in values] == [float, bool, int]
    assert found["figures"]["figure1"]["classes"] == ["1", "2"]
    assert found["figures"]["figure2"]["image"] is None


def own(given):
    return Study(overlaid(PAPER, given), SCHEMA).config["figures"]


def test_a_figure_shows_what_the_study_has():
    """Unless the user says what it shows."""
    flowers = {"flowers": {"source": "imagefolder", "path": "data"}}
    figures = own({"study": {"name": "own", "datasets": ["flowers"], "seeds": [42, 7]}, "datasets": flowers})
    assert {figure["dataset"] for figure in figures.values()} == {"flowers"}
    assert {figure["seed"] for figure in figures.values() if "seed" in figure} == {42}
    assert figures["figure7"]["seeds"] == [42, 7]
    chosen = (figures["figure1"]["classes"], figures["figure2"]["class"], figures["figure2"]["image"])
    assert chosen == (None, None, None)
    # Nothing else of a figure is another.
    same = ("points", "perplexity", "normalised", "images_per_class", "vary")
    for name, figure in figures.items():
        for key in same:
            assert figure.get(key) == PAPER["figures"][name].get(key)


def test_the_paper_s_figures_are_left_alone():
    assert own({}) == Study(PAPER, SCHEMA).config["figures"]
    assert own({"study": {"name": "own", "seeds": [4, 3, 2, 1, 0]}}) == own({})
    figures = own({"study": {"name": "own", "datasets": ["svhn", "cifar10"]}})
    assert figures["figure1"]["dataset"] == "svhn"
    assert figures["figure2"] == own({})["figure2"]


def test_what_the_user_says_of_a_figure_stays():
    given = {
        "study": {"name": "own", "datasets": ["cifar10", "svhn"], "seeds": [1, 2, 3, 4]},
        "figures": {
            "figure1": {"dataset": "svhn", "classes": ["1"]},
            "figure2": {"image": 5},
            "figure7": {"seeds": [2]},
        },
    }
    figures = own(given)
    assert figures["figure1"] == {"dataset": "svhn", "seed": 1, "classes": ["1"], "points": 10000}
    shown = {"dataset": "cifar10", "seed": 1, "losses": None, "class": "airplane", "image": 5}
    assert figures["figure2"] == shown
    assert figures["figure7"]["seeds"] == [2]
    wrong = {"study": given["study"], "figures": {"figure7": {"seeds": [0]}, "figure4": {"dataset": "mnist"}}}
    with pytest.raises(ConfigError, match=r"'figures.figure4.dataset' is 'mnist', which is not in the study"):
        own(wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"study": 3},
        {"figures": []},
        {"study": {"datasets": "cifar10", "seeds": 3}},
        {"figures": {"figure1": 2}},
    ],
)
def test_what_is_no_configuration_is_one_sentence_here_too(given):
    with pytest.raises(ConfigError, match="must be"):
        own(given)


def test_the_way_in_which_an_accent_is_encoded_is_no_matter_but_in_a_path():
    path = "data/rose\u0301"
    entry = {"flowers": {"source": "imagefolder", "path": path}}
    entry |= {"mnist": {"mirrors": [f"file:///{path}"]}}
    given = {
        "study": {"name": "own", "datasets": ["flowers"]},
        "datasets": entry,
        "figures": {"figure2": {"class": "rose\u0301"}},
    }
    study = Study(overlaid(PAPER, given), SCHEMA)
    assert study.config["figures"]["figure2"]["class"] == "ros\xe9"
    assert study.data("flowers")["path"] == path
    assert study.config["datasets"]["mnist"]["mirrors"] == [f"file:///{path}"]
    assert canonical({"losses": {"mine": {"file": path}}}) == {"losses": {"mine": {"file": path}}}


def test_explanations_are_of_the_study_s_own_datasets():
    def explained(datasets, **given):
        changes = {"study": {"name": "own", "datasets": datasets}, **given}
        return Study(overlaid(PAPER, changes), SCHEMA).explained

    assert explained(["svhn", "mnist"]) == ["mnist"]
    assert explained(["svhn", "cifar100_coarse"]) == ["svhn"]
    assert explained(["svhn", "mnist"], explainability={"mosaics": 10}) == ["mnist"]
    with pytest.raises(
        ConfigError, match=r"'explainability.datasets' names 'cifar10', which is not in the study"
    ):
        explained(["svhn"], explainability={"datasets": ["cifar10"]})


def test_claims_are_over_the_first_seeds_of_the_study():
    for given, seeds in ((None, [0, 1, 2, 3, 4]), (0, []), (2, [0, 1]), (9, [0, 1, 2, 3, 4])):
        runs = study(claims__seeds=given).targets["values-figure1"]
        assert [run.seed for run in runs] == seeds


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({}, True),
        ({"training__learning_rate": 0.001}, True),
        ({"network__width_multiplier": {"top": 0.5, "bottom": 1}}, False),
        ({"training__schedule__top__epochs": 200}, False),
        ({"training__schedule__top__epochs": 400}, True),
        ({"study__validation": 5000}, False),
        ({"protocol": "released_code", "study__name": "released"}, False),
    ],
)
def test_a_smaller_study_is_not_of_full_scale(changes, whole):
    assert study(**{"protocol": "paper", **changes}).full_scale is whole


def test_a_protocol_of_one_s_own_is_compared_with_the_paper():
    mine = {"network": {"width_multiplier": {"top": 0.1}}}
    given = {"study": {"name": "own"}, "protocol": "mine", "protocols": {"mine": mine}}
    assert not Study(overlaid(PAPER, given), SCHEMA).full_scale
    mine["network"]["width_multiplier"]["top"] = 2
    assert Study(overlaid(PAPER, given), SCHEMA).full_scale


def test_strokes_are_of_datasets_that_there_are():
    with pytest.raises(
        ConfigError, match=r"'explainability.strokes' names 'mnits'; defined under 'datasets'"
    ):
        study(explainability__strokes=["mnits"])


def test_runs_of_one_seed_are_explained_together():
    paper = study()
    run = paper.runs["svhn-top-amc-lambda0.1-margin0.5-seed3"]
    names = [other.name for other in paper.same_seed(run)]
    assert names == [
        "svhn-top-cross_entropy-seed3",
        "svhn-top-euclidean-lambda0.1-margin1-seed3",
        "svhn-top-amc-lambda0.1-margin0.5-seed3",
    ]
    alone = paper.runs["mnist-bottom2d-cross_entropy-seed0"]
    assert paper.same_seed(alone) == [alone]
