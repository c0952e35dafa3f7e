"""The parts that nodes share through Redis; `redis` is imported in this package only."""
