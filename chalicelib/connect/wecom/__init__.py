"""WeCom (企业微信): customer groups, messages to them, group robots."""
