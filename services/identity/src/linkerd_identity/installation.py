"""PURE but for its log: what the installation's values say of certificates' lives."""

import logging
from dataclasses import replace
from datetime import timedelta

from linkerd_contract import names
from linkerd_contract.durations import parse_go_duration_ms
from linkerd_identity.settings import Lives
from linkerd_runtime.values import parse_values

log = logging.getLogger(__name__)


def lives_from_values(text: str, lives: Lives, given: frozenset[str]) -> Lives:
    """identity.issuer.issuanceLifetime and clockSkewAllowance of the values; what cannot be read is logged."""
    try:
        values = parse_values(text)
        identity = values.get("identity")
        issuer = identity.get("issuer") if isinstance(identity, dict) else None
        found = issuer if isinstance(issuer, dict) else {}
        changes = {}
        for field, key in (("leaf", "issuanceLifetime"), ("skew", "clockSkewAllowance")):
            if field not in given and (value := found.get(key)):
                changes[field] = timedelta(milliseconds=parse_go_duration_ms(str(value)))
        changed = replace(lives, **changes)
        if problems := changed.problems():
            raise ValueError("; ".join(problems))
    except ValueError as error:
        log.warning("ConfigMap %s: %s; defaults are used", names.CONFIG_MAP, error)
        return lives
    return changed
