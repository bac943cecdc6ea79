"""What every suite may ask for: the embedded cloud that the run starts itself, a stand-in for the systems outside. And
what none goes without: botocore checks each of our requests before it is sent, which the deployed functions leave out;
moto does not work out again what it knows.
"""

from chalicelib.runtime import dynamo
from tests import moto_memory

pytest_plugins = ["tests.cloud_fixtures", "tests.stand_in_fixtures"]
dynamo.CHECK_REQUESTS = True
moto_memory.remember()
