"""WeChat Pay (微信支付): notices of payments and refunds."""
