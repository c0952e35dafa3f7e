"""Who is there, when they were last, and who is writing: told to those who may know."""
