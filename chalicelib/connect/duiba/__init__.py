"""Duiba (兑吧): its mall sets points aside for what members redeem there, and adds points that its games give."""
