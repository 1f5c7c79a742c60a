"""Steps on stderr, and interrupts that nobody may lose."""

import os
import signal
from contextlib import suppress

import pytest

from lead_readiness.console import steps


def test_steps_are_one_a_line_where_there_is_no_terminal(capsys):
    with steps() as begin:
        begin("reading [leads]")
    assert capsys.readouterr().err == "reading [leads] ...\n"


def test_an_interrupt_that_was_lost_stops_the_next_step():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), steps() as begin:
        begin("one")
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        begin("two")
    assert signal.getsignal(signal.SIGINT) is before
