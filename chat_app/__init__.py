"""A real-time chat that anyone can run."""
