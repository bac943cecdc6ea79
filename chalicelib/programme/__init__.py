"""The programme: what a brand publishes as its rules.

Rates live in data, kinds of rule live in `rules/`, one module each.
"""
