"""What journals say, told to many readers while it is written."""
