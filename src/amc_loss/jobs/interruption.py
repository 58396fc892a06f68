"""Stopping at a moment of the program's choice when a signal asks for it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


class Stop(Event):
    """Set by a signal; ``signal`` says which."""

    signal: signal.Signals

    def handle(self, number: int, _frame: object) -> None:
        """Signal handler."""
        self.signal = signal.Signals(number)
        self.set()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn SIGTERM (a cluster's preemption) and SIGINT (Ctrl-C) into an event while the context lasts."""
    stop = Stop()
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
