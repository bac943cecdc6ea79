"""What other systems tell and ask: one sub-package each, in their own formats. Nobody builds on it."""
