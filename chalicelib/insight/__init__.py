"""What finance sees of the journal: a daybook of its entries, day totals, reports and the close of months."""
