"""The people screen: friends, requests, suggestions and blocks, and the dialog about one person."""
