"""A running process: its parts, the infrastructure it shares, and the order of start and stop."""
