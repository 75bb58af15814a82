"""What is installed in a store, and what it says."""
