"""Partners whose points ours become (通兑): a protocol of our own, which a partner implements (docs/decisions/0053)."""
