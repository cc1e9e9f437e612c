"""Decisions over discovery's documents: routes, splits, classification, authorization, limits.

PURE: a document is compiled once into slotted objects and closures over bytes, and answers from then on without
parsing anything; clock and randomness are arguments. The proxy decides traffic with these, and the CLI explains with
them, so the two cannot disagree.
"""

from linkerd_rules.policy.authz import Verdict
from linkerd_rules.policy.defaults import default_document
from linkerd_rules.policy.inbound import InboundPolicy, InboundRule, PortRules
from linkerd_rules.policy.outbound import CompiledRoute, OutboundPolicy

__all__ = [
    "CompiledRoute",
    "InboundPolicy",
    "InboundRule",
    "OutboundPolicy",
    "PortRules",
    "Verdict",
    "default_document",
]
