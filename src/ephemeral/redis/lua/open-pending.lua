-- Opens a challenge or an enrollment.
-- KEYS: 1 pending, 2 account
-- ARGV: 1 now (ms), 2 TTL (ms), 3 methods, comma-separated, 4 record, 5 session epoch, 6 challenge epoch
-- Result: 1, or 0 where the account's epochs are others by now

local account = read_account(KEYS[2])
local now, ttl_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
if tonumber(ARGV[5]) ~= account.session_epoch or tonumber(ARGV[6]) ~= account.challenge_epoch then
  return 0
end
local epochs = account.session_epoch .. '|' .. account.challenge_epoch
local value = table.concat({ 0, now + ttl_ms, epochs, ARGV[3], ARGV[4] }, '|')
redis.call('SET', KEYS[1], value, 'PX', ttl_ms)
return 1
