"""The open conversation: its timeline and the composer."""
