"""What is due at a time: scheduled messages and reminders."""
