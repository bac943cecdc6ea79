"""Doudian (抖店): orders, receipts and refunds that its shops push."""
