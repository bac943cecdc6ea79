"""What every suite may ask for: the embedded cloud that the run starts itself."""

pytest_plugins = ["tests.cloud_fixtures"]
