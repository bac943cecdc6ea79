"""Youzan (有赞): orders, receipts and refunds that its shops push."""
