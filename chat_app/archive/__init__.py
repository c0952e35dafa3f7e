"""Everything the chat keeps, as a file or on its way to another database."""
