"""What a person reads: the page, its figures, movies and tables, written from Results."""
