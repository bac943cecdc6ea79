"""Offers (优惠活动): items of the mall sold for less by a template: flash sale, seckill, group buy."""
