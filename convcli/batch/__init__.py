"""Many images: which, where to, in what order, and what became of each. Knows no terminal."""

from convcli.batch.find import listed
from convcli.batch.jobs import STREAM, BatchLimits, Job, Outcome, Request, Writing, apart
from convcli.batch.names import label_of, plan
from convcli.batch.one import Common, foresee
from convcli.batch.runner import begin, run, share

__all__ = [
    "STREAM",
    "BatchLimits",
    "Common",
    "Job",
    "Outcome",
    "Request",
    "Writing",
    "apart",
    "begin",
    "foresee",
    "label_of",
    "listed",
    "plan",
    "run",
    "share",
]
