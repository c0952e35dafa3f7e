"""The search of messages: words, queries, the index of each database, and who fills it."""
