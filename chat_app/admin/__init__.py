"""Administration: accounts, reports and registration in the hands of admins, and the audit log."""
