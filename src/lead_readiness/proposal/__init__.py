"""A first project file, guessed from a look at a company's files."""
