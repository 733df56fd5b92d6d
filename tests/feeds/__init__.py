"""Feeds: files, replay, statistics, fetching."""
