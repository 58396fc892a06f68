"""What a workflow's jobs say in their logs: how far trainings are, and warnings."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from math import ceil
from pathlib import Path

EPOCH = re.compile(r"^epoch (\d+)/(\d+) ", re.MULTILINE)
WARNING = re.compile(r"^warning: .*$", re.MULTILINE)
CONTINUED = re.compile(r"^continuing after epoch (\d+),", re.MULTILINE)


def measure(work: Mapping[str, float], logs: Path, started: float, now: float) -> tuple[float, float]:
    """What is done and how long the rest will take at the pace so far.

    Args:
        work: For each run that is to be trained how much work it is, in any unit.
        logs: Folder with a ``<run>.log`` for each; those from before ``started`` do not count.
        started: When the workflow started, in seconds of `time.time`.
        now: The time, likewise.

    Returns:
        The share of the work that is done, and the seconds that are left; NaN while no epoch has ended.
    """
    done = gained = 0.0
    for run, amount in work.items():
        log = logs / f"{run}.log"
        if not log.exists() or log.stat().st_mtime < started:
            continue
        text = log.read_text()
        if epochs := EPOCH.findall(text):
            last, total = map(int, epochs[-1])
            continued = CONTINUED.search(text)
            first = int(continued[1]) if continued else 0
            done += amount * last / total
            gained += amount * (last - first) / total
    everything = sum(work.values())
    left = (everything - done) / gained * (now - started) if gained else float("nan")
    return done / everything, left


class Warnings:
    """Lines ``warning: …`` of logs, each told once, however many jobs say it.

    Args:
        logs: Paths of the logs; they may not exist yet, and those from before ``started`` do not count.
        started: When the workflow started, in seconds of `time.time`.
        report: Takes a line.
    """

    def __init__(self, logs: Iterable[Path], started: float, report: Callable[[str], None]) -> None:
        self.logs, self.started, self.report = list(logs), started, report
        self.told: set[str] = set()

    def look(self) -> None:
        """Report what is new."""
        for log in self.logs:
            if not log.exists() or log.stat().st_mtime < self.started:
                continue
            for line in WARNING.findall(log.read_text()):
                if line not in self.told:
                    self.told.add(line)
                    self.report(line)


def watch(
    work: Mapping[str, float],
    logs: Path,
    warnings: Warnings,
    report: Callable[[str], None],
    interval: float = 60,
) -> threading.Thread:
    """Report warnings, and the time left with each further per cent, in a thread that ends with the process.

    Args:
        work: As for `measure`.
        logs: As for `measure`.
        warnings: Where to look for them.
        report: Takes a line.
        interval: Seconds between two looks.
    """

    def look() -> None:
        started, shown = time.time(), 0.0
        while True:
            time.sleep(interval)
            warnings.look()
            if not work:
                continue
            share, left = measure(work, logs, started, time.time())
            if share - shown >= 0.01 and left > 0:
                report(f"Trainings: {share:.0%} done, about {timedelta(minutes=ceil(left / 60))} left")
            shown = max(shown, share)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread
