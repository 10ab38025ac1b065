"""What can be looked into."""
