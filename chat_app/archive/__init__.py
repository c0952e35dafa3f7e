"""Archives: backup of a whole chat to a file, restore, and move to another database."""
