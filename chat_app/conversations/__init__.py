"""Conversations: who is in them, how far each has read, and the lists people see."""
