"""Every parser against a million inputs (`make fuzz`), a slice of them in every run. FUZZ_SEED begins elsewhere."""

import os

import pytest
from services.proxy.tests.fuzz.documents import DOCUMENTS, TAP_MATCH
from services.proxy.tests.fuzz.mutate import inputs
from services.proxy.tests.fuzz.targets import TARGETS, Target

SLICE = 10_000
MANY = 1_000_000
SEED = int(os.environ.get("FUZZ_SEED", "1"))

every = pytest.mark.parametrize("target", [*TARGETS, DOCUMENTS, TAP_MATCH], ids=lambda target: target.name)


def fuzz(target: Target, count: int) -> None:
    for number, data in enumerate(inputs(target.corpus, count, SEED)):
        try:
            target.feed(data)
        except Exception as error:
            error.add_note(f"{target.name}, FUZZ_SEED={SEED}, input {number}: {data!r}")
            raise


@every
def test_a_slice(target: Target) -> None:
    fuzz(target, SLICE)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@every
def test_at_length(target: Target) -> None:
    fuzz(target, MANY)
