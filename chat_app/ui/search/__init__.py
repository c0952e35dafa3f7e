"""The screens of the search of messages."""
