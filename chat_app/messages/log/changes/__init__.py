"""Changes of stored messages, each run of them in one transaction of the log writer."""
