"""Chaos runs: break a chat in every way at once and prove that nothing is lost or doubled."""
