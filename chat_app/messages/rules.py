"""What the text of a message may be."""

from chat_app.core.text import has_control, has_lone_surrogate, shows_something

LONGEST = 8_000


def clean_content(text: str) -> str:
    """Return the text trimmed and otherwise as written.

    Raises ValueError for nothing visible, more than 8,000 characters, and control characters
    other than newline and tab.
    """
    content = text.strip()
    if content.isascii() and content.isprintable() and 0 < len(content) <= LONGEST:
        return content  # most texts; the checks below are for the others
    if not content or not (shows_something(content) or has_control(content, allowed="\n\t")):
        message = "Write something first."
        raise ValueError(message)
    if len(content) > LONGEST:
        message = f"A message has at most {LONGEST:,} characters; this one has {len(content):,}."
        raise ValueError(message)
    if has_lone_surrogate(content) or (
        not content.isprintable() and has_control(content, allowed="\n\t")
    ):
        message = "The text holds control characters."
        raise ValueError(message)
    return content
