"""Who is there and who is writing, as the head of a chat shows it."""
