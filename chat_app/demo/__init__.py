"""The demo: people and conversations for an empty database."""
