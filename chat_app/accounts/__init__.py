"""Accounts: users, their profiles, passwords and sessions."""
