"""The index in PostgreSQL: a table of text search vectors."""
