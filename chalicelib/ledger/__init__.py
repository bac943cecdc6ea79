"""The ledger: accounts, entries, expiry buckets.

The only room that writes points, by one gate (`table.LedgerTable.post`).
"""
