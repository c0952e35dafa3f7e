"""Everything of the UI that leans on the inside of Reflex; screens lean only on its public API."""
