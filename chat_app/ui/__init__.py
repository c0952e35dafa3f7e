"""The web UI: Reflex pages and states. Reflex is imported here only."""
