"""Row renderers: for each kind of record its sheet, and the function that takes the records from the store."""
