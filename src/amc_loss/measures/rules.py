"""The rules that decide a claim's parts: of each its effect, interval and verdict.

They are those at the head of ``resources/paper/claims.yaml``, which says what each claim is measured by.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from amc_loss.measures.evidence import Evidence
from amc_loss.measures.significance import (
    CONFIDENCE,
    LEVEL,
    PAPER_RUNS,
    ROUNDING,
    confidence_interval,
    holm,
    paired_seeds_needed,
    prediction_interval,
    seeds_for_equivalence,
)

HOLDS, FAILS, UNDECIDED, MIXED, UNTESTED = (
    "holds",
    "does not hold",
    "undecided",
    "mixed",
    "not tested",
)
VERDICTS = (HOLDS, FAILS, UNDECIDED, MIXED, UNTESTED)
WEAKEST = (FAILS, UNTESTED, MIXED, UNDECIDED)  # which of several decides where all must hold
Part = dict[str, Any]
NAN = float("nan")
ONE_SEED = "one seed says nothing of the spread"


def untested(note: str, **part: Any) -> Part:
    """A part that could not be tested, with what would make the runs."""
    return {**part, "verdict": UNTESTED, "note": note}


def compared(first: pd.Series, second: pd.Series) -> Part:
    """The mean difference of two losses over the seeds that both have, its interval, test and spread."""
    differences = (first - second).dropna().to_numpy()
    part: Part = {"n": len(differences), "effect": float(differences.mean()) if len(differences) else NAN}
    part |= dict.fromkeys(("interval_low", "interval_high", "p", "_low90", "_high90", "_sd"), NAN)
    if len(differences) == 0:
        return part
    size = max(np.abs(values).max() for values in (first, second))
    if np.ptp(differences) <= ROUNDING * size:  # equal throughout, or one seed: no interval
        if len(differences) > 1:
            part |= {"_low90": part["effect"], "_high90": part["effect"], "_sd": 0.0}
        return part
    test = stats.ttest_1samp(differences, 0)
    low, high = confidence_interval(differences.tolist())
    inner = test.confidence_interval(1 - 2 * LEVEL)
    part |= {"interval_low": low, "interval_high": high, "p": float(test.pvalue)}
    return part | {"_low90": inner.low, "_high90": inner.high, "_sd": float(differences.std(ddof=1))}


def verdict_on(part: Part, claimed: str, margin: float) -> str:
    """A difference's verdict by the rules; ``p_holm`` is in the part."""
    low, high = part["interval_low"], part["interval_high"]
    within = -margin <= part["_low90"] and part["_high90"] <= margin
    if claimed == "same":
        if within:
            return HOLDS
        return FAILS if low > margin or high < -margin else UNDECIDED
    if claimed == "lower":
        low, high = -high, -low
    if low > 0 and part["p_holm"] < LEVEL:
        return HOLDS
    return FAILS if high < 0 or within else UNDECIDED


def _differences(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    parts = []
    of, runs = evidence.loss(claim["of"]), claim.get("runs", "table1")
    for dataset in evidence.datasets(claim):
        for measure in claim["measures"]:
            for against in evidence.against(claim):
                about = {"dataset": dataset, "measure": measure, "of": of, "against": against}
                where = (runs, dataset)
                pair = [evidence.by_seed(*where, loss, measure, claim.get("class")) for loss in (of, against)]
                part = about | compared(*pair) | {"margin": evidence.margin(measure, dataset)}
                if not part["n"]:
                    command = claim.get("command", "").replace("{dataset}", dataset)
                    part = untested(
                        command or _unmeasured(evidence, dataset, measure, {of, against}), **about
                    )
                parts.append(part)
    tested = [part for part in parts if "verdict" not in part]
    corrected = holm(pd.Series([part["p"] for part in tested], dtype=float))
    for part, p in zip(tested, corrected, strict=True):
        part["p_holm"] = p
        part["verdict"] = verdict_on(part, claim["claimed"], part["margin"])
        part |= _dose(evidence, runs, part)
        if part["n"] == 1:
            part["note"] = ONE_SEED
        elif part["verdict"] == UNDECIDED and part["_sd"]:
            part["seeds"] = _seeds(part, claim["claimed"], len(tested))
    return [{key: value for key, value in part.items() if key[0] != "_"} for part in parts]


def _unmeasured(evidence: Evidence, dataset: str, measure: str, losses: set[str]) -> str:
    """Why a measure has no values of these losses."""
    there = evidence.values[evidence.values["dataset"].eq(dataset)]
    if losses <= set(there.loc[there["measure"].eq(measure), "loss"]):
        return f"in no run on {dataset} it could be measured"
    explained = [name for name, about in evidence.measures.items() if about.get("explanation")]
    if measure in explained and not there["measure"].isin(explained).any():
        return f"explanations of {dataset} are not measured; 'explainability.datasets' says of which they are"
    return f"the study has no runs for it on {dataset}"


def _seeds(part: Part, claimed: str, tests: int) -> float:
    """The fewest seeds that would find the difference, or none, were it and its spread as they are."""
    beyond = abs(part["effect"]) - (part["margin"] if claimed == "same" else 0)
    # Only what holds is corrected; of Holm's steps this is the strictest.
    as_claimed = {"higher": 1, "lower": -1, "same": 0}[claimed] * part["effect"] > 0
    found = paired_seeds_needed(beyond / part["_sd"], tests if as_claimed else 1) if beyond > 0 else NAN
    none = seeds_for_equivalence(part["effect"], part["_sd"], part["margin"])
    return float(np.fmin(found, none))


def _dose(evidence: Evidence, runs: str, part: Part) -> Part:
    """How strong the auxiliary loss was, of the loss that has one."""
    return {
        key: evidence.by_seed(runs, part["dataset"], part["of"], key).mean() for key in ("dose", "dose_loss")
    }


def _bound(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    parts = []
    of, above, below = evidence.loss(claim["of"]), claim["above"], claim["below"]
    for dataset in evidence.datasets(claim):
        for measure in claim["measures"]:
            values = evidence.by_seed(claim.get("runs", "table1"), dataset, of, measure)
            if values.empty:
                continue
            low, high = confidence_interval(values.tolist()) if np.ptp(values) else (NAN, NAN)
            part = {"dataset": dataset, "measure": measure, "of": of}
            part |= {"effect": values.mean(), "n": len(values)}
            if len(values) == 1:
                part["note"] = ONE_SEED
            beyond = (low > above, high < below)
            if claim.get("claimed") == "lower":
                beyond = (high < below, low > above)
            verdict = HOLDS if beyond[0] else FAILS if beyond[1] else UNDECIDED
            parts.append({**part, "interval_low": low, "interval_high": high, "verdict": verdict})
    return parts


def _percentile(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    of, [measure], runs = evidence.loss(claim["of"]), claim["measures"], claim.get("runs", "table1")
    parts = []
    for dataset in evidence.datasets(claim):
        values = evidence.by_seed(runs, dataset, of, measure)
        if len(values):
            # Ranks of images that are nothing special are uniform: the mean of many is closer to 50.
            images = evidence.by_seed(runs, dataset, of, measure, column="images")
            many = images.mean() if len(images) else 1
            verdict = FAILS if values.mean() >= 50 + (claim["above"] - 50) / np.sqrt(many) else HOLDS
            part = {"dataset": dataset, "measure": measure, "of": of, "effect": values.mean()}
            parts.append({**part, "n": len(values), "verdict": verdict})
    return parts


def _prediction(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """Whether our means are what other runs of the paper's give, by its mean and SD of five."""
    parts, [measure] = [], claim["measures"]
    means = [
        (row, values)
        for row in evidence.paper.itertuples()
        if len(values := evidence.by_seed("table1", row.dataset, row.loss, measure))
    ]
    for row, values in means:
        # After Bonferroni: of twelve intervals of 95% one misses in half of all replications.
        confidence = 1 - LEVEL / len(means)
        low, high = prediction_interval(row.mean, row.sd, len(values), confidence)
        verdict = HOLDS if low <= values.mean() <= high else FAILS
        low, high = prediction_interval(row.mean, row.sd, len(values))
        effect = values.mean() - row.mean
        part = {"dataset": row.dataset, "measure": measure, "of": row.loss, "against": "paper"}
        part |= {"effect": effect, "n": len(values)}
        part |= {"interval_low": values.mean() - high, "interval_high": values.mean() - low}
        note = f"decided by the interval of {confidence:.1%}" if len(means) > 1 else ""
        parts.append({**part, "note": note, "verdict": verdict})
    return parts


def _spread_ratio(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """Our SD over the paper's, with its interval by the F-distribution."""
    parts, [measure] = [], claim["measures"]
    for row in evidence.paper.itertuples():
        values = evidence.by_seed("table1", row.dataset, row.loss, measure)
        if row.dataset not in claim["datasets"] or values.empty:
            continue
        part = {"dataset": row.dataset, "measure": measure, "of": row.loss, "against": "paper"}
        part |= {"n": len(values), "verdict": UNDECIDED}
        if len(values) == 1:
            part["note"] = ONE_SEED
        else:
            part |= {"effect": values.std() / row.sd, "note": "effect: ratio of standard deviations"}
        if np.ptp(values):
            tails = (1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2
            quantiles = stats.f.ppf(tails, len(values) - 1, PAPER_RUNS - 1)
            low, high = part["effect"] / np.sqrt(quantiles)
            part |= {"interval_low": low, "interval_high": high}
            part["verdict"] = UNDECIDED if low <= 1 <= high else FAILS
        parts.append(part)
    return parts


def _classes(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """In what share of the classes the mean difference is as claimed.

    No test over classes: those of one network are not independent.
    """
    parts, [measure] = [], claim["measures"]
    of, [against] = evidence.loss(claim["of"]), map(evidence.loss, claim["against"])
    for dataset in evidence.datasets(claim):
        names = evidence.values.loc[evidence.values["dataset"].eq(dataset), "class"].dropna().unique()
        runs = partial(evidence.by_seed, "table1", dataset)
        # A row a seed and a column a class.
        by_class = pd.DataFrame(
            {name: runs(of, measure, name) - runs(against, measure, name) for name in names}
        )
        by_class = by_class.dropna(how="all").dropna(axis=1, how="all")
        if by_class.empty:
            continue
        raised, classes = (by_class.mean() > 0).sum(), by_class.shape[1]
        share = raised / classes
        in_each = (by_class > 0).sum(axis=1) / by_class.notna().sum(axis=1)
        part = {"dataset": dataset, "measure": measure, "of": of, "against": against}
        part |= {"effect": share, "n": len(by_class), "note": f"{raised} of {classes} classes"}
        part |= _dose(evidence, "table1", part)
        part["verdict"] = (
            HOLDS if share >= 0.8 and in_each.min() > 0.5 else FAILS if share <= 0.5 else UNDECIDED
        )
        if part["n"] == 1:
            part |= {"verdict": UNDECIDED, "note": f"{part['note']}; {ONE_SEED}"}
        parts.append(part)
    return parts


def _sweep(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    argument, [measure] = claim["argument"], claim["measures"]
    of, [against] = evidence.loss(claim["of"]), map(evidence.loss, claim["against"])
    if argument not in evidence.vary or evidence.varied_loss != of:
        return [untested(f"needs {argument} under figures.figure7.vary, of the loss {of}")]
    if len(evidence.vary[argument]) < 2:
        return [untested(f"needs several values of {argument} under figures.figure7.vary")]
    # A run has those settings that are not the loss's own.
    columns = dict.fromkeys([*evidence.sweep, *evidence.vary])
    runs = evidence.sweep.reindex(columns=list(columns))
    runs = runs.fillna({key: evidence.own[key] for key in evidence.vary})
    baseline = runs[runs["loss"].eq(against)].set_index("seed")[measure]
    there = runs["loss"].eq(of)
    for other in set(evidence.vary) - {argument}:
        there &= runs[other].eq(evidence.own[other])
    parts, [dataset] = [], runs["dataset"].unique()
    margin = evidence.margin(measure, dataset)
    for value, group in runs[there].groupby(argument):
        part = compared(group.set_index("seed")[measure], baseline) | {"margin": margin}
        verdict = UNDECIDED
        if part["interval_low"] > -margin:
            verdict = HOLDS
        elif part["interval_high"] < -margin:
            verdict = FAILS
        part |= {"dataset": dataset, "measure": measure, "of": of, "against": against}
        part |= {key: group[key].mean() for key in ("dose", "dose_loss")}
        part |= {"setting": value, "note": f"{'λ' if argument == 'weight' else argument} {value:g}"}
        parts.append({**part, "verdict": verdict if part["n"] else UNTESTED})
    return [{key: value for key, value in part.items() if key[0] != "_"} for part in parts]


def _cost(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """Seconds an epoch; with a negative share the claim is that so much is saved."""
    parts, [measure] = [], claim["measures"]
    of, [against] = evidence.loss(claim["of"]), map(evidence.loss, claim["against"])
    for dataset in evidence.datasets(claim):
        first, second = (evidence.by_seed("table1", dataset, loss, measure) for loss in (of, against))
        part = compared(first, second)
        if not part["n"]:
            continue
        most = claim["share"] * second.mean()
        if claim["share"] > 0:
            most = min(most, evidence.margin(measure, dataset))
        verdict = UNDECIDED
        if part["interval_high"] <= most:
            verdict = HOLDS
        elif part["interval_low"] > most:
            verdict = FAILS
        part |= {"dataset": dataset, "measure": measure, "of": of, "against": against, "margin": most}
        part["note"] = f"{part['effect'] / second.mean():+.1%} of an epoch"
        part |= _dose(evidence, "table1", part)
        parts.append({key: value for key, value in part.items() if key[0] != "_"} | {"verdict": verdict})
    return parts


def _artefact(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """Whether only the first measure differs as claimed."""
    found = _differences(claim, evidence, {})
    parts = []
    for dataset in dict.fromkeys(part["dataset"] for part in found):
        first, second = (part for part in found if part["dataset"] == dataset)
        if UNTESTED in (first["verdict"], second["verdict"]):
            continue
        outcome = {(HOLDS, FAILS): HOLDS, (HOLDS, UNDECIDED): UNDECIDED, (UNDECIDED, FAILS): UNDECIDED}
        outcome[UNDECIDED, UNDECIDED] = UNDECIDED
        verdict = outcome.get((first["verdict"], second["verdict"]), FAILS)
        note = f"with start 0 {second['effect']:+.3f}"
        parts.append({**first, "verdict": verdict, "note": note})
    return parts


def _all_of(claim: Mapping[str, Any], _: Evidence, verdicts: Mapping[str, str]) -> list[Part]:
    found = {verdicts[other] for other in claim["claims"]}
    verdict = next((one for one in WEAKEST if one in found), HOLDS)
    return [{"verdict": verdict, "note": ", ".join(f"{c}: {verdicts[c]}" for c in claim["claims"])}]


def _text(claim: Mapping[str, Any], *_: Any) -> list[Part]:
    return [{"verdict": claim["verdict"], "note": claim["finding"]}]


def _nothing(*_: Any) -> list[Part]:
    return []


def _printed(claim: Mapping[str, Any], evidence: Evidence, _: Mapping[str, str]) -> list[Part]:
    """Claims that follow from the printed table alone."""
    of, against = {
        "printed_p_values": ("amc", "euclidean"),
        "printed_baseline": ("amc", "cross_entropy"),
        "printed_mnist": ("amc", "euclidean"),
        "printed_euclidean": ("euclidean", "cross_entropy"),
    }[claim["rule"]]
    parts = []
    for dataset, rows in evidence.paper.groupby("dataset", sort=False):
        if claim["rule"] == "printed_mnist" and dataset != "mnist":
            continue
        first, second = (rows.set_index("loss").loc[loss] for loss in (of, against))
        moments = [moment for row in (first, second) for moment in (row["mean"], row["sd"], PAPER_RUNS)]
        p = float(stats.ttest_ind_from_stats(*moments, equal_var=False).pvalue)
        effect = round(float(first["mean"] - second["mean"]), 6)
        match claim["rule"]:
            case "printed_p_values":
                # Means and SDs are printed with two digits, from which the last of p may differ by one.
                held, note = abs(p - first["p_value"]) < 1.5e-4, f"p = {p:.4f}, printed {first['p_value']}"
            case "printed_baseline":
                held, note = p < LEVEL, f"p = {p:.2g}"
            case _:
                held, note = effect < 0, ""
        part = {"dataset": dataset, "measure": "accuracy", "of": of, "against": against, "effect": effect}
        parts.append({**part, "p": p, "n": PAPER_RUNS, "note": note, "verdict": HOLDS if held else FAILS})
    return parts


RULES: dict[str, Callable[[Mapping[str, Any], Evidence, Mapping[str, str]], list[Part]]] = {
    "difference": _differences,
    "bound": _bound,
    "percentile": _percentile,
    "prediction": _prediction,
    "spread_ratio": _spread_ratio,
    "classes": _classes,
    "sweep": _sweep,
    "cost": _cost,
    "artefact": _artefact,
    "all_of": _all_of,
    "text": _text,
    "untested": _nothing,
    "printed_p_values": _printed,
    "printed_baseline": _printed,
    "printed_mnist": _printed,
    "printed_euclidean": _printed,
}
