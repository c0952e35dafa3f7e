"""What serves both doors: ASGI around them, uvicorn beneath them."""
