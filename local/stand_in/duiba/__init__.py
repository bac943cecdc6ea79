"""Duiba (兑吧): the credits mall that asks us to deduct, tells us how it went, and hands out credits."""
