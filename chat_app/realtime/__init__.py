"""Live updates: events, the broker between processes, and the hub within a process."""
