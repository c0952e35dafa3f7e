"""The screen of scheduled messages and reminders."""
