"""Notices of reminders that are due, on every page."""
