-- Reads what an account's sign-ins depend on.
-- KEYS: 1 account
-- ARGV: 1 now (ms), 2 the account's version where it has none
-- Result: { locked until (ms), session epoch, challenge epoch, account's version }

local now = tonumber(ARGV[1])
local account = read_account(KEYS[1])
local version = version_of(KEYS[1], account, ARGV[2], now)
return { account.locked_until, account.session_epoch, account.challenge_epoch, version }
