"""`profiles/slurm` on a real Slurm: what is asked for, what is preempted, and what a user sees of a failure."""

import json
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
import yaml
from checkout import ONE_TABLE, Checkout
from cluster import Cluster, missing_programs, wait_until

RUN = "digits-top-cross_entropy-seed0"


@pytest.fixture(scope="module")
def cluster():
    if missing := missing_programs():
        pytest.skip(f"no {', '.join(missing)} on this machine; `make services` installs them")
    # The paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def login_node(cluster, tmp_path_factory):
    """A copy of the workflow whose profile was edited for the cluster, as a user does."""
    checkout = Checkout(tmp_path_factory.mktemp("cluster"))
    for placeholder, name in (
        ("slurm_account: ACCOUNT\n", "slurm_account: replication\n"),
        ("slurm_partition: PARTITION\n", "slurm_partition: cpu\n"),
        ("slurm_partition: GPU_PARTITION, gpu_model: MODEL}", "slurm_partition: gpu, gpu_model: fake}"),
    ):
        checkout.replace("profiles/slurm/config.yaml", placeholder, name)
    checkout.environment = cluster.environment
    return checkout


def submit(login_node, *targets, study=ONE_TABLE, check=True, **arguments):
    """What Snakemake prints when a study is run on the cluster."""
    (login_node.path / "study.yaml").write_text(yaml.safe_dump(study))
    options = {
        "workflow-profile": "profiles/slurm",
        # A test does not wait as long as a cluster's user would.
        "slurm-init-seconds-before-status-checks": 2,
        **arguments,
    }
    command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    configuration = ["--configfile", "profiles/demo/study.yaml", "study.yaml", "--"]
    return login_node.snakemake(*command, *configuration, *targets, check=check)


def test_a_study_runs_with_what_its_profile_asks_for(cluster, login_node):
    submit(login_node, "table1", "figure5")
    assert (login_node.path / "results/tiny/figures/figure5.png").exists()
    # On the cluster too the library is the checkout's, which is in no repository, and not an installed one.
    run = login_node.path / "results/tiny/runs" / RUN
    assert json.loads((run / "provenance.json").read_text())["commit"] == "unknown"
    jobs = cluster.jobs(
        "JobID", "State", "Partition", "Account", "ReqCPUS", "ReqMem", "Timelimit", "AllocTRES"
    )
    assert {(job["State"], job["Account"]) for job in jobs} == {("COMPLETED", "replication")}
    asked = sorted(
        (
            *(job[key] for key in ("Partition", "ReqCPUS", "ReqMem", "Timelimit")),
            re.findall(r"gres/gpu=\d", job["AllocTRES"]),
        )
        for job in jobs
    )
    memory = int(6000 + 4 * login_node.dataset("digits").stat().st_size / 1e6)
    training = ("gpu", "2", f"{memory}M", "00:11:00", ["gres/gpu=1"])
    # Three evaluations of ten minutes share a job, and so do t-SNE with four cores, the figure and the table.
    evaluations = ("gpu", "2", f"{memory}M", "00:30:00", ["gres/gpu=1"])
    assert asked == [asked[0], training, training, training, evaluations]
    assert asked[0][:2] + asked[0][4:] == ("cpu", "4", [])


def test_trainings_at_once_have_a_gpu_each(login_node):
    logs = (login_node.path / "results/tiny/logs/train").glob("*.log")
    gpus = [re.search(r"of the GPUs (\S+)", log.read_text())[1] for log in logs]
    assert len(gpus) == 3
    assert set(gpus) == {"0", "1"}


def test_a_cluster_that_knows_gpus_as_generic_resources_alone(cluster, login_node):
    profile = login_node.path / "profiles/slurm/config.yaml"
    text = profile.read_text()
    gpu, comment, gres = re.findall(
        r"^  (?:# )?(?:train: &gpu .*|Where Slurm knows .*)\n", text, re.MULTILINE
    )
    variant = text.replace(gpu, "").replace(comment, "").replace(gres, gres.replace("# ", ""))
    run = "digits-top-cross_entropy-seed1"
    try:
        profile.write_text(variant.replace("GPU_PARTITION", "gpu").replace("MODEL", "fake"))
        study = {**ONE_TABLE, "study": {"name": "tiny", "seeds": [0, 1]}}
        submit(login_node, f"results/tiny/runs/{run}/model.pt", study=study)
    finally:
        profile.write_text(text)
    last = cluster.jobs("State", "ReqCPUS", "AllocTRES")[-1]
    assert (last["State"], last["ReqCPUS"]) == ("COMPLETED", "2")
    assert "gres/gpu=1" in last["AllocTRES"]
    # Its gpu=0 does not send the training to the CPU.
    log = login_node.path / f"results/tiny/logs/train/{run}.log"
    assert re.search(r"of the GPUs [01]\n", log.read_text())


LONG = {"schedule": {"top": {"epochs": 30, "ramp_up": 1, "ramp_down": 1}}, "checkpoint_every": 1000}


@pytest.fixture
def long_training(request, cluster, login_node):
    """Trains for a while, does something in mid-training, and returns what Snakemake printed."""

    def run(name, interrupt):
        log = login_node.path / f"results/{name}/logs/train/{RUN}.log"
        failures = []

        def wait_and_interrupt():
            try:
                wait_until(lambda: log.exists() and "epoch 3/30" in log.read_text(), "the third epoch", 120)
                running = cluster.run("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
                interrupt(*running)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=wait_and_interrupt)
        thread.start()
        output = submit(
            login_node,
            f"results/{name}/runs/{RUN}/model.pt",
            study={**ONE_TABLE, "study": {"name": name, "seeds": [0]}, "training": LONG},
            # Two threads would wait for each other where the tests beside this one take the cores.
            **{"set-threads": "train=1"},
        )
        thread.join()
        assert not failures
        text = log.read_text()
        # The log of the attempt that ended it, which began in mid-training.
        assert re.search(r"continuing after epoch \d+, step \d+", text), output
        assert "epoch 1/30 " not in text
        assert "epoch 30/30 " in text
        return output

    return run


def test_a_training_that_scancel_kills_goes_on_from_its_checkpoint(cluster, long_training):
    killed = []

    def cancel(job):
        killed.append(job)
        cluster.run("scancel", job)

    output = long_training("cancelled", cancel)
    assert "Trying to restart job" in output
    of = {job["JobID"]: job for job in cluster.jobs("JobID", "State", "Timelimit")}
    assert of[killed[0]]["State"].startswith("CANCELLED")
    # The next attempt may take longer.
    again = of[str(int(killed[0]) + 1)]
    assert (of[killed[0]]["Timelimit"], again["Timelimit"]) == ("00:11:00", "00:22:00")


def test_a_training_that_is_preempted_goes_on_when_slurm_starts_it_again(cluster, long_training):
    preempted = []

    def preempt(job):
        preempted.append(job)
        cluster.run(
            "sbatch", "--partition=urgent", "--gpus=2", "--mem=100", "--output=/dev/null", "--wrap=sleep 2"
        )

    output = long_training("preempted", preempt)
    assert "Trying to restart job" not in output
    assert "Restarts=1 " in cluster.run("scontrol", "show", "job", preempted[0])
    states = {job["State"] for job in cluster.jobs("JobID", "State") if job["JobID"] == preempted[0]}
    assert "COMPLETED" in states


def test_a_failing_job_s_error_reaches_the_terminal_with_the_path_of_its_log(login_node):
    data = login_node.dataset("digits")
    whole, stamp = data.read_bytes(), data.stat()
    target = f"results/tiny/runs/{RUN}/metrics.json"
    try:
        data.write_bytes(whole[:1000])
        os.utime(data, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        output = submit(login_node, target, check=False, forcerun="evaluate")
    finally:
        data.write_bytes(whole)
        os.utime(data, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert f"resources/datasets/{data.name} is not a usable dataset" in output
    assert f"results/tiny/logs/evaluate/{RUN}.log" in output
