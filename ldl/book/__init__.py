"""From the notebooks to the book: parameters, execution, what is fresh, and the HTML."""
