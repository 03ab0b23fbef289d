"""What a broker answers: one function for each request code, and one table of them."""
