"""Stored samples and linear light."""
