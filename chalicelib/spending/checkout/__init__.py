"""Points that pay a part of an order at the brand's own checkout (积分抵扣)."""
