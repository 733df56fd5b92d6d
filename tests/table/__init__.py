"""The specification as tables: one row a case."""
