"""Pictures, a file for each notebook or kind of result: they take results, return figures and never train."""
