"""The embedded cloud of a laptop: start it, package, deploy to it or to AWS, and what is run against it."""
