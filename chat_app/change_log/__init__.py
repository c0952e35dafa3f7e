"""The change log: what each transaction publishes, stored with it, and read by every node.

The database is the only carrier of what lasts; Redis wakes the readers
(docs/decisions/0027-one-log-that-every-node-reads.md).
"""
