"""Pay-then-coupon (支付有礼): who has paid gets a coupon for the next time."""
