"""What every suite may ask for: the embedded cloud that the run starts itself, a stand-in for the systems outside. And
what none goes without: botocore checks each of our requests before it is sent, which the deployed functions leave out;
moto does not work out again what it knows.
"""

import pytest

from chalicelib.runtime import dynamo
from tests import moto_memory

pytest_plugins = ["tests.cloud_fixtures", "tests.stand_in_fixtures"]
dynamo.CHECK_REQUESTS = True
moto_memory.remember()

BEGUN_FIRST = (
    "tests/flows/test_points_engine_on_the_cloud.py",
    "tests/ledger/test_state_machine.py",
    "tests/test_benchmarks.py",
)
"""Files of few and long tests: begun last, one of them would keep one core busy and the other waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(BEGUN_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
