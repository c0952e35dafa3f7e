"""The chat from the shell: `python -m chat_app --help`."""

from chat_app.shell.app import main

if __name__ == "__main__":
    main()
