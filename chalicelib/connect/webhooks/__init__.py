"""Outbound webhooks: a brand's own systems are told what happened to points, signed, in order for each member."""
