"""Due items: scheduled messages and reminders, carried out at their time."""
