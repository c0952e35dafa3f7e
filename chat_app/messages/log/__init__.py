"""The log writer: storing sends and changes in batches, with their statements."""
