-- Makes the account's version another. A time until which none is answered is only ever put off.
-- KEYS: 1 account
-- ARGV: 1 new version, 2 until when (ms) none is answered, or ''
-- Result: none

local account = read_account(KEYS[1])
redis.call('HSET', KEYS[1], 'v', ARGV[1])
if ARGV[2] ~= '' and tonumber(ARGV[2]) > account.unsettled_until then
  redis.call('HSET', KEYS[1], 'u', ARGV[2])
end
keep_version(KEYS[1])
