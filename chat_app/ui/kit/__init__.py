"""Small components without state, shared by all screens."""
