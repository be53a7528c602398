-- Takes one attempt back that could not be evaluated. A challenge that is gone has nothing to give back:
-- if it was passed, that has cleared the account's failures already.
-- KEYS: 1 challenge, 2 account
-- ARGV: 1 now (ms), 2 attempts allowed
-- Result: none

local account = read_account(KEYS[2])
local challenge = read_pending(KEYS[1], account, tonumber(ARGV[1]))
if not challenge or challenge.attempts == 0 then
  return
end
write_attempts(KEYS[1], challenge, challenge.attempts - 1)
give_back_to_budget(KEYS[2], account, tonumber(ARGV[2]))
