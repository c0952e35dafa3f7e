"""Messages: the durable log, edits and deletions, pages, replay and publishing."""
