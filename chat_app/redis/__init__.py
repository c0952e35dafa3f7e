"""The Redis twins of what nodes share; `redis` is imported in this package only."""
