"""A Slurm of its own on this machine: munge, MariaDB, accounting, controller and one node with fake GPUs."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch")

# `gpu` can be taken from the trainings by jobs of `urgent`.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld}
SlurmdPort={slurmd}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=30
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd}
AccountingStoragePass={folder}/munge.socket
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/linux
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 NodeHostname={host} CPUs=8 RealMemory=200000 Gres=gpu:fake:2
PartitionName=cpu Nodes=localhost Default=YES PriorityTier=1
PartitionName=gpu Nodes=localhost PriorityTier=1
PartitionName=urgent Nodes=localhost PriorityTier=2
"""
DATABASE = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={slurmdbd}
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mariadb}
StorageUser=slurm
StoragePass=slurm
"""


def missing_programs() -> list[str]:
    """Which of the programs that a cluster needs this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]


def _path() -> str:
    # Debian keeps daemons where only root looks.
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Look every tenth of a second whether a condition holds.

    Raises:
        TimeoutError: If it does not within the time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)


class Cluster:
    """A running Slurm.

    Args:
        folder: An empty folder with a short path, because the sockets lie in it.

    Attributes:
        environment: What programs need in their environment to find this Slurm.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        # The executor's job step clears SLURM_CONF before it calls srun.
        srun = bin_folder / "srun"
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=_path())} "$@"\n'
        )
        srun.chmod(0o755)
        self.environment = {
            "SLURM_CONF": f"{folder}/slurm.conf",
            "PATH": os.pathsep.join([str(bin_folder), _path()]),
        }

    def start(self) -> None:
        """Start all daemons and wait until the node is idle."""
        folder, user = self.folder, subprocess.check_output(["id", "-un"], text=True).strip()
        names = ("slurmctld", "slurmd", "slurmdbd", "mariadb")
        values = {
            "folder": folder,
            "user": user,
            "host": socket.gethostname().split(".")[0],
            **dict(zip(names, _free_ports(len(names)), strict=True)),
        }
        for name in ("state", "spool", "gpus"):
            (folder / name).mkdir()
        for number in range(2):
            # Slurm takes any device file for a GPU, and the number at the end of its name for the GPU's.
            (folder / "gpus" / f"gpu{number}").symlink_to("/dev/null")
        (folder / "slurm.conf").write_text(CONFIGURATION.format(**values))
        (folder / "gres.conf").write_text(
            f"NodeName=localhost Name=gpu Type=fake File={folder}/gpus/gpu[0-1]\n"
        )
        (folder / "slurmdbd.conf").write_text(DATABASE.format(**values))
        (folder / "slurmdbd.conf").chmod(0o600)
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o600)

        munge = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        self._daemon(
            "munged", "--foreground", "--force", *(f"--{o}={folder}/munge.{e}" for o, e in munge.items())
        )
        wait_until((folder / "munge.socket").exists, "munged listens")

        self._run("mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={folder}/database")
        (folder / "users.sql").write_text(
            "CREATE USER slurm@'%' IDENTIFIED BY 'slurm';\nGRANT ALL ON *.* TO slurm@'%';\n"
        )
        database = [
            "--no-defaults",
            f"--user={user}",
            f"--datadir={folder}/database",
            f"--socket={folder}/database.socket",
            f"--init-file={folder}/users.sql",
            f"--port={values['mariadb']}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
        ]
        self._daemon("mariadbd", *database)
        self._wait_for_port(values["mariadb"], "MariaDB listens")

        self._daemon("slurmdbd", "-D")
        self._wait_for_port(values["slurmdbd"], "slurmdbd listens")
        self._run("sacctmgr", "--immediate", "add", "cluster", "test", check=False)
        self._run("sacctmgr", "--immediate", "add", "account", "replication", "cluster=test")
        self._run("sacctmgr", "--immediate", "add", "user", user, "account=replication", "cluster=test")
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-N", "localhost")
        wait_until(lambda: "idle" in self.run("sinfo", "-h", "-o", "%t", check=False), "the node is idle")

    def run(self, *command: str, check: bool = True) -> str:
        """Output of a command that finds this Slurm."""
        done = self._run(*command, check=check)
        return done.stdout

    def jobs(self, *fields: str) -> list[dict[str, str]]:
        """What the accounting says of every job that ever ran, requeued ones once for each time."""
        output = self.run(
            "sacct", "--duplicates", "--allocations", "--noheader", "--parsable2", "--starttime=now-1days",
            "--format=" + ",".join(fields),
        )  # fmt: skip
        return [dict(zip(fields, line.split("|"), strict=True)) for line in output.splitlines()]

    def stop(self) -> None:
        """Stop all daemons, the last one first, and kill what jobs left behind."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]:
                    process.kill()

    def _daemon(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.output", "wb") as output:
            self.daemons.append(
                subprocess.Popen(
                    [shutil.which(command[0], path=_path()) or command[0], *command[1:]],
                    env={**os.environ, **self.environment},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
        return done

    def _wait_for_port(self, port: int, what: str) -> None:
        def listens() -> bool:
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, what)
