"""Messages that people have saved for themselves."""
