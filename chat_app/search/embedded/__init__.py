"""The index beside an SQLite database: FTS5, in a file of its own."""
