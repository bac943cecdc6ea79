"""WeCom: customer groups and their events, tasks of staff, group robots."""
