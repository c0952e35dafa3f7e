"""The browser's door: Reflex pages and states. Reflex is imported here only."""
