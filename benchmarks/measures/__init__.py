"""One module a measure; each has `measure()`, which gives its figures by key."""
