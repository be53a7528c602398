-- Ends every pending challenge and enrollment of the account: they were opened under an older epoch.
-- KEYS: 1 account
-- ARGV: none
-- Result: none

raise_epoch(KEYS[1], 'c')
