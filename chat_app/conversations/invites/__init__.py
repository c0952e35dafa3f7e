"""Invitations by link: to a group, and to the chat itself."""
