"""The server of both doors: ASGI middleware around them and uvicorn below them."""
