"""The only code that knows Chalice, botocore and the environment."""
