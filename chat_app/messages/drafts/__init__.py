"""Drafts: texts that a user has begun in a conversation, on every device of theirs."""
