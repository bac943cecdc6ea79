"""Pushers of shop platforms: Youzan and Doudian, each with its own signature, form, acknowledgement and repeats."""
