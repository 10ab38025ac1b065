"""The suite that every analysis has to pass, ours and those of other packages: `check_analysis(ANALYSIS)`.

An analysis is run on small planted recordings, `CASES`: agents with a memory of several kinds and without, with one
head and several, with values of actions and with continuous ones, in worlds that have a time, objects and good and bad
events, and in worlds that have none of these; a life in which nothing happens, a single episode, a recording that was
killed, and one without its agent. On each it has to give a Result that can be saved, read again and drawn, or to say in
one line why it cannot be made.
"""

from retinoscope.testing.cases import CASES, planted_inputs
from retinoscope.testing.networks import KEPT
from retinoscope.testing.suite import Checked, check_analysis

__all__ = ["CASES", "KEPT", "Checked", "check_analysis", "planted_inputs"]
