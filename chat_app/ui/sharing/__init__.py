"""The page to which other apps share a text."""
