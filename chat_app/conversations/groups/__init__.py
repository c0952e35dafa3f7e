"""Groups: who is in them, their roles, what happens to them, and where open ones are found."""
