"""Reading and checking what users write: ServiceProfiles, splits, policies, routes.

PURE: one reader per kind turns a JSON document into the value that discovery works with, and notes every fault with the
field and the fix. Admission refuses what has any problem; discovery uses what has no serious one. As both read with the
same code, what admission lets through is what discovery does.
"""

from linkerd_rules.validation.fields import Problem
from linkerd_rules.validation.registry import KINDS, validate

__all__ = ["KINDS", "Problem", "validate"]
