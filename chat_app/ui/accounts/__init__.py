"""Signing up, signing in and signing out."""
