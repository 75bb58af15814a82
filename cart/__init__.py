"""What shoppers hold and owe, and what shelves hold."""
