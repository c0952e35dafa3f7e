"""The pinned messages of the open conversation."""
