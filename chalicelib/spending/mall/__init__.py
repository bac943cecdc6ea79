"""The points mall (积分商城): its catalogue, quotes, redemptions and their fulfilment."""
