"""Exchange to a partner's points (通兑): points of ours become units of a partner's, once, and for good."""
