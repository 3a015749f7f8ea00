"""What a run keeps, and what can be told of it afterwards."""
