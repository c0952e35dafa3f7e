"""Groups: making them, their details and members, invitations, and the open ones."""
