-- Reads a pending challenge or enrollment.
-- KEYS: 1 pending, 2 account
-- ARGV: 1 now (ms)
-- Result: the record, or nil

local pending = read_pending(KEYS[1], read_account(KEYS[2]), tonumber(ARGV[1]))
return pending and pending.record
