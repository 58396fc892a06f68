"""The time left, from logs of trainings."""

import os
import time
from math import isnan

import pytest

from amc_loss.study import progress
from amc_loss.training.loop import continuation_line, progress_line

ROW = {"cross_entropy": 1.0, "auxiliary": 0.0, "accuracy": 50.0, "seconds": 2.0}


def write(folder, run, *epochs, of=10, continued=None, changed=1000):
    text = "--- started ---\n"
    if continued is not None:
        text += f"{continuation_line(continued, 3)}\n"
    log = folder / f"{run}.log"
    # As a training prints them.
    text += "".join(f"{progress_line({**ROW, 'epoch': epoch - 1}, 100, of)}\n" for epoch in epochs)
    log.write_text(text)
    os.utime(log, (changed, changed))


def test_before_the_first_epoch_nothing_is_known(tmp_path):
    write(tmp_path, "a")
    share, left = progress.measure({"a": 1, "b": 1}, tmp_path, started=900, now=1000)
    assert share == 0
    assert isnan(left)


def test_the_pace_so_far_is_that_of_the_rest(tmp_path):
    write(tmp_path, "a", *range(1, 11))
    write(tmp_path, "b", 1, 2)
    # 3 + 0.2 of 6 in 100 s.
    share, left = progress.measure({"a": 3, "b": 1, "c": 2}, tmp_path, started=900, now=1000)
    assert share == pytest.approx(3.2 / 6)
    assert left == pytest.approx(2.8 / 3.2 * 100)


def test_what_an_earlier_workflow_trained_is_done_but_was_not_gained(tmp_path):
    write(tmp_path, "a", 7, 8, continued=6)
    share, left = progress.measure({"a": 1}, tmp_path, started=900, now=1000)
    assert share == pytest.approx(0.8)
    assert left == pytest.approx(100)


def test_a_log_from_before_does_not_count(tmp_path):
    write(tmp_path, "a", *range(1, 11), changed=800)
    share, left = progress.measure({"a": 1}, tmp_path, started=900, now=1000)
    assert share == 0
    assert isnan(left)


def test_a_line_with_each_further_per_cent_until_all_is_done(tmp_path):
    lines = []
    none = progress.Warnings([], 0, lines.append)
    progress.watch({"a": 1, "b": 1}, tmp_path, none, lines.append, interval=0.05)
    soon = time.time() + 100
    write(tmp_path, "a", 1, of=1, changed=soon)
    time.sleep(0.5)
    write(tmp_path, "b", 1, of=200, changed=soon)  # half a per cent
    time.sleep(0.3)
    assert len(lines) == 1
    write(tmp_path, "b", 1, of=1, changed=soon)
    time.sleep(0.3)
    assert lines == ["Trainings: 50% done, about 0:01:00 left"]


def test_a_warning_is_told_once_however_many_jobs_say_it(tmp_path):
    logs, lines = [tmp_path / f"{name}.log" for name in "abc"], []
    for log in logs[:2]:
        log.write_text("--- started ---\nread 3 files\nwarning: two of them are alike\n")
    logs[2].write_text("warning: of an earlier workflow\n")
    os.utime(logs[2], (800, 800))
    warnings = progress.Warnings([*logs, tmp_path / "not-yet.log"], time.time() - 60, lines.append)
    warnings.look()
    logs[2].write_text("warning: and a new one\n")
    progress.watch({}, tmp_path, warnings, lines.append, interval=0.05)
    time.sleep(0.3)
    assert lines == ["warning: two of them are alike", "warning: and a new one"]
