"""What is shipped for operating the server."""
