"""The screen of messages that a person has saved."""
