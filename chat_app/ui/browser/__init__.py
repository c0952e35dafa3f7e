"""The few pieces that only a browser can do, each behind one Python component."""
