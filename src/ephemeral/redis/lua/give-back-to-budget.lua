-- Takes one attempt on the account back that could not be evaluated.
-- KEYS: 1 account
-- ARGV: 1 attempts allowed
-- Result: none

give_back_to_budget(KEYS[1], read_account(KEYS[1]), tonumber(ARGV[1]))
