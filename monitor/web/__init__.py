"""The page: a read-only view of the service for people, health and metrics for machines, the ledger as a feed.

`picture` and `ledger` are what the commands show too; they import no web framework, and neither does this package.
"""
