"""The desk of the data stewards, as plain data: uploads, reports, rows, changes, previews, reference metadata."""
