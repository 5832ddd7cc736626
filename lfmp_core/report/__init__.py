"""Published values, tables, figures and claims: what a page shows."""
