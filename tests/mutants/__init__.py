"""Planted bugs: each is caught by a test that names it."""
