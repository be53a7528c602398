-- Counts one attempt on the account, for a code that is checked without a challenge.
-- KEYS: 1 account
-- ARGV: 1 now (ms), 2 attempts allowed, 3 lockout (ms)
-- Result: { 'taken', remaining, session epoch } or { 'locked', until (ms) }

local account = read_account(KEYS[1])
local remaining, locked_until =
  take_from_budget(KEYS[1], account, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[1]))
if not remaining then
  return { 'locked', locked_until }
end
return { 'taken', remaining, account.session_epoch }
