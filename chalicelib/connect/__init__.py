"""One adapter per outside system: what we say to it, what it says to us, in its own words and turned into ours."""
